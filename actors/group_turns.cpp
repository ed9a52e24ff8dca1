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

void group_turns::took(int32_t group) {
  last_ = group;
  if (group != 0)
    last_suspects_ = group;
}

} // namespace troupe
