#pragma once

#include "actors/planned_sequence.hpp"

#include <vector>

namespace troupe {

/// Whose step is next, where groups must not share one: a group of suspects, everybody else, the next group
/// of suspects. So whoever is no suspect waits for one step at most, and each group for two steps of each
/// other.
class group_turns {
public:
  /// The group of the next step, of those that have pages and something to compute; 0 if none has.
  int32_t next(const std::vector<planned_sequence*>& holders) const;

  void took(int32_t group);

private:
  int32_t last_ = 0;
  int32_t last_suspects_ = 0; // the last one that was not 0
};

} // namespace troupe
