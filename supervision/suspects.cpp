#include "supervision/suspects.hpp"

#include <limits>

namespace troupe {

namespace {

constexpr int32_t alone_max = 2;

/// Two steps with tokens may be lost in a crash, on their way to the ledger (their credit); the third token
/// after a restart is at or behind the place where the fatal step was.
constexpr int32_t cleared_tokens = 3;

} // namespace

std::vector<sequence_id> suspects::crashed(const std::vector<sequence_id>& fatal_step,
                                           const std::function<bool(sequence_id)>& lives) {
  std::vector<sequence_id> held, guilty;
  for (auto id : fatal_step)
    if (lives(id))
      held.push_back(id);
  if (held.empty())
    return {};
  // Two groups, and one where there is one: who of the step has ended meanwhile may have been the guilty one.
  ++last_search_;
  const int32_t groups[] = {++last_group_, ++last_group_};
  for (size_t i = 0; i < held.size(); ++i) {
    auto& suspect = records_[held[i]];
    if (suspect.place.group == 0) {
      suspect.search = last_search_;
      suspect.place.apart_tokens =
          ++suspect.searches > 1 ? std::numeric_limits<int32_t>::max() : cleared_tokens;
    }
    suspect.place.group = groups[2 * i >= held.size() ? 1 : 0];
    if (fatal_step.size() == 1 && ++suspect.alone >= alone_max)
      guilty.push_back(held[i]);
  }
  for (auto id : guilty)
    convict(id);
  return guilty;
}

void suspects::convict(sequence_id id) {
  const auto search = records_.at(id).search;
  forget(id);
  // The others were in those steps by chance.
  for (auto& [other, innocent] : records_)
    if (innocent.search == search && innocent.searches > 0 && --innocent.searches <= 1)
      innocent.place.apart_tokens = innocent.place.group == 0 ? 0 : cleared_tokens;
}

void suspects::restarted() {
  for (auto& [id, suspect] : records_)
    suspect.tokens = 0;
}

void suspects::advance(sequence_id id) {
  const auto found = records_.find(id);
  if (found == records_.end() || found->second.place.group == 0)
    return;
  auto& suspect = found->second;
  if (++suspect.tokens >= suspect.place.apart_tokens)
    suspect.place = {};
}

suspects::placement suspects::of(sequence_id id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? placement{} : found->second.place;
}

} // namespace troupe
