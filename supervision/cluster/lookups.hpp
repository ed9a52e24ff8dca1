#pragma once

#include "supervision/cluster/owned_entry.hpp"

#include <map>
#include <set>

namespace troupe {

struct lookup_limits {
  size_t lookups_max = 256;
  milliseconds ask_every{200};
  milliseconds ask_max{8000}; // a death or silence is noticed and its entries are taken over by then
};

/// Responses that somebody asked this node for and that live elsewhere: every peer is asked, again and again,
/// until the entry is here, everybody denies it, or time is up. Plain code.
class lookups {
public:
  explicit lookups(lookup_limits limits) : limits_(limits) {}

  /// False: too many.
  bool add(waiting_reader reader, bool cancel, const std::set<std::string>& peers, steady_time now,
           cluster_effects& out);

  void take(const std::string& from, const located& answer);

  /// The entry is here: who waits for it.
  std::vector<waiting_reader> found(const std::string& response_id);

  /// Asks again, and gives up where it is time. incomplete: a node that is not there may have it.
  void tick(const std::set<std::string>& peers, bool incomplete, steady_time now, cluster_effects& out);

  size_t size() const { return lookups_.size(); }

private:
  struct lookup {
    waiting_reader reader;
    bool cancel = false;
    bool seen = false; // somebody has it, or a copy
    std::set<std::string> denied;
    steady_time since{};
    steady_time next{};
  };

  void ask(uint64_t number, const lookup& about, const std::set<std::string>& peers, cluster_effects& out);
  void give_up(const lookup& about, cluster_effects& out);

  lookup_limits limits_;
  std::map<uint64_t, lookup> lookups_;
  uint64_t next_ = 1;
};

} // namespace troupe
