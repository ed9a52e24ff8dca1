#pragma once

#include "supervision/cluster/cluster_effects.hpp"
#include "supervision/cluster/entry_record.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe {

struct replica_limits {
  size_t copies_max = 1024;
  size_t moves_max = 256; // on their way here: this node has asked for nearly all of them
  int64_t bytes_max = int64_t{256} << 20;
  milliseconds kept_after_deadline{60'000}; // its owner drops it long before; else nobody would
};

/// An entry that was moved here.
struct arrival {
  entry_record record = {}; // this node owns it
  std::string from = {};
  bool leaving = false; // the sender goes: it cannot be the buddy
};

/// What this node holds for others: copies of entries whose buddy it is, and entries on their way here. A
/// copy that the owner committed is run if the owner dies; one that it did not may have been refused to the
/// client, so it waits for somebody to ask for it. Plain code.
class replica_store {
public:
  explicit replica_store(replica_limits limits) : limits_(limits) {}

  // From the node `from`, with the purposes copy and move.
  void take(const std::string& from, const entry_head& head, steady_time now, cluster_effects& out);
  void take(const entry_prompt& part, cluster_effects& out);
  void take(const entry_tokens& part, cluster_effects& out);
  void take(const std::string& from, const entry_drop& drop, cluster_effects& out);

  /// Moves that have all their parts.
  std::vector<arrival> arrived();

  /// The owner died: its committed copies, which this node now has to run. Others wait for a reader.
  std::vector<entry_record> orphaned(const std::string& owner);

  /// A copy that waits for a reader; null: none does.
  const entry_record* waiting(const std::string& id) const;
  entry_record wake(const std::string& id);

  /// Room for an entry of this node's own that goes to a new owner. False: there is none.
  bool reserve(const entry_record& record);
  void unreserve(const std::string& id) { reserved_.erase(id); }

  /// An entry that was owned here and has a new owner, for whom this node is the buddy: there is room for it.
  void keep(entry_record record);

  /// There is a newer owner than a copy knows.
  void outdated(const std::string& id, const ownership& newer);
  void tick(steady_time now);

  /// A copy; null: none.
  const entry_record* find(const std::string& id) const;
  bool complete(const std::string& id) const;
  size_t copies() const { return copies_.size(); }
  size_t moves() const { return moves_.size(); }
  int64_t bytes() const { return bytes_; }

private:
  struct copy {
    entry_assembly assembly;
    std::string from = {};
    bool leaving = false;
    bool orphan = false; // waits for a reader
    int64_t counted = 0; // bytes, as promised
  };
  using copy_map = std::map<std::string, copy>; // by response id

  copy_map& map_of(transfer_purpose purpose) { return purpose == transfer_purpose::move ? moves_ : copies_; }
  copy* find(const std::string& id, transfer_purpose purpose, const attempt_epoch& epoch);
  copy_map::iterator forget(copy_map& map, copy_map::iterator at);
  bool room(transfer_purpose purpose, int64_t bytes) const;
  void answer(const copy& about, transfer_purpose purpose, cluster_effects& out);

  replica_limits limits_;
  copy_map copies_;
  copy_map moves_;
  std::set<std::string> reserved_; // ids
  int64_t bytes_ = 0;
};

} // namespace troupe
