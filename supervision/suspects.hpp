#pragma once

#include "base/ids.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace troupe {

/// Finds the request that kills its engine. A step that crashed makes suspects of those that it held. They
/// run again in steps of their own, in two halves; the half that crashes is halved again, down to one alone.
/// One that was alone in two fatal steps is guilty. Whoever gets behind the place where the step crashed is
/// cleared; if it then crashes in company once more, it runs apart to its end. So a request has three
/// attempts: one in company, however many fatal steps the search from there takes, and two alone. A search
/// that finds somebody guilty counts against nobody else. Plain code.
class suspects {
public:
  /// How a sequence is to be run; in dispatch_sequence.
  struct placement {
    int32_t group = 0;        // 0: with everybody else; others never share a step with another group
    int32_t apart_tokens = 0; // so many of its tokens later it belongs to group 0
  };

  /// fatal_step: all that the step held. Returns the guilty among those that `lives` says still run.
  std::vector<sequence_id> crashed(const std::vector<sequence_id>& fatal_step,
                                   const std::function<bool(sequence_id)>& lives);

  /// An engine starts: tokens count from here.
  void restarted();

  /// A token of it arrived.
  void advance(sequence_id id);

  /// It ended.
  void forget(sequence_id id) { records_.erase(id); }

  bool suspected(sequence_id id) const { return of(id).group != 0; }
  placement of(sequence_id id) const;

  /// Sequences that it remembers: at most those that run.
  size_t size() const { return records_.size(); }

private:
  struct record {
    placement place;
    uint64_t search = 0;  // that made it a suspect
    int32_t searches = 0; // that it was in, and which found nobody guilty
    int32_t alone = 0;    // fatal steps that held nobody else
    int32_t tokens = 0;   // since it was dispatched
  };

  void convict(sequence_id id);

  std::map<sequence_id, record> records_;
  uint64_t last_search_ = 0;
  int32_t last_group_ = 0;
};

} // namespace troupe
