#pragma once

#include <cstdint>

namespace troupe {

/// Which keys a query sees. At position p: those at k <= p with k > p - positions (the last `positions`, its
/// own included) or k < sinks. Positions stay what they are: nothing is rotated anew when keys fall out of
/// sight.
struct attention_window {
  int32_t positions = 0; // 0: all, and then no sinks
  int32_t sinks = 0;     // first positions of the sequence, always visible

  bool limited() const { return positions > 0; }

  /// First position in the window of a query at `position`. Keys in [sinks, first_of(position)) are seen
  /// neither by it nor by any later query.
  int32_t first_of(int32_t position) const {
    return limited() && position >= positions ? position - positions + 1 : 0;
  }

  bool sees(int32_t position, int32_t key) const {
    return key <= position && (key < sinks || key >= first_of(position));
  }

  bool operator==(const attention_window&) const = default;
};

} // namespace troupe
