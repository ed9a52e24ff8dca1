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

/// Of lanes without signs, by bit pattern: a NaN is larger than everything.
template <class Lanes>
float max_of_magnitudes(Lanes lanes) {
  float v[16];
  lanes.store(v);
  uint32_t bits[16];
  __builtin_memcpy(bits, v, sizeof bits);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; ++i)
      bits[i] = bits[i] > bits[i + width] ? bits[i] : bits[i + width];
  float largest;
  __builtin_memcpy(&largest, bits, sizeof largest);
  return largest;
}

} // namespace
} // namespace troupe
