#include "actors/group_turns.hpp"

#include <algorithm>
#include <set>

namespace troupe {

int32_t group_turns::next(const std::vector<planned_sequence*>& holders) const {
  std::set<int32_t> groups;
  for (const auto* holder : holders)
    if (std::min(holder->known(), holder->capacity()) > holder->computed)
      groups.insert(holder->dispatch.group);
  if (groups.empty() || (groups.contains(0) && (last_ != 0 || groups.size() == 1)))
    return 0;
  const auto following = groups.upper_bound(last_suspects_);
  return following != groups.end() ? *following : *groups.upper_bound(0);
}

void group_turns::keep_next(std::vector<planned_sequence*>& holders) {
  last_ = next(holders);
  if (last_ != 0)
    last_suspects_ = last_;
  std::erase_if(holders, [this](const auto* holder) { return holder->dispatch.group != last_; });
}

} // namespace troupe
