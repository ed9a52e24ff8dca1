#pragma once

#include <array>
#include <cstdint>

namespace troupe {

/// A code point whose upper or title case is more than one; unused places are 0.
struct special_casing {
  uint32_t code_point;
  std::array<uint32_t, 3> upper;
  std::array<uint32_t, 3> title;
};

/// Null for all others.
const special_casing* find_special_casing(uint32_t code_point);

} // namespace troupe
