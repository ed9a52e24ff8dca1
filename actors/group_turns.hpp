#pragma once

#include "actors/planned_sequence.hpp"

#include <vector>

namespace troupe {

/// Whose step is next, where groups must not share one: a group of suspects, everybody else, the next group
/// of suspects. So whoever is no suspect waits for one step at most, and each group for two steps of each
/// other.
class group_turns {
public:
  /// Leaves those of the group whose turn it is, of the groups that have something to compute; if none has,
  /// those of group 0. Its turn is over then.
  void keep_next(std::vector<planned_sequence*>& holders);

private:
  int32_t next(const std::vector<planned_sequence*>& holders) const;

  int32_t last_ = 0;
  int32_t last_suspects_ = 0; // the last one that was not 0
};

} // namespace troupe
