#pragma once

#include <cstdint>

namespace troupe {
namespace {

/// The fixed tree over 16 lanes: i with i + 8, then + 4, + 2, + 1.
template <class Lanes>
float sum_lanes(Lanes lanes) {
  float v[16];
  lanes.store(v);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; ++i)
      v[i] = v[i] + v[i + width];
  return v[0];
}

template <class Lanes>
float max_lanes(Lanes lanes) {
  float v[16];
  lanes.store(v);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; ++i)
      v[i] = v[i] > v[i + width] ? v[i] : v[i + width];
  return v[0];
}

} // namespace
} // namespace troupe
