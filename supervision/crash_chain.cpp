#include "supervision/crash_chain.hpp"

#include <algorithm>

namespace troupe {

bool crash_chain::narrows(const std::vector<sequence_id>& fatal_step) const {
  if (fatal_step.empty() || last_.empty())
    return false;
  if (last_.size() == 1)
    return fatal_step == last_ && !repeated_ && last_[0] != 0; // 0: the canary is no suspect
  return fatal_step.size() <= (last_.size() + 1) / 2 &&
         std::all_of(fatal_step.begin(), fatal_step.end(), [this](sequence_id id) {
           return std::find(last_.begin(), last_.end(), id) != last_.end();
         });
}

bool crash_chain::counts(std::vector<sequence_id> fatal_step) {
  const bool counts = !narrows(fatal_step);
  repeated_ = !counts && fatal_step.size() == 1 && last_ == fatal_step;
  last_ = std::move(fatal_step);
  return counts;
}

} // namespace troupe
