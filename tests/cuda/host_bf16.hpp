#pragma once

#include "kernels/cuda/bf16.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace troupe::cuda {

inline double widen(bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

/// To nearest, ties to even.
inline bf16 round_bf16(double value) {
  auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  if ((bits & 0x7fffffff) > 0x7f800000)
    return {0x7fc0};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

inline double rounded(double value) {
  return widen(round_bf16(value));
}

inline std::vector<bf16> random_bf16(size_t count, double deviation, std::mt19937& random) {
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<bf16> out(count);
  for (auto& value : out)
    value = round_bf16(normal(random));
  return out;
}

inline std::vector<float> random_float(size_t count, double deviation, std::mt19937& random) {
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<float> out(count);
  for (auto& value : out)
    value = static_cast<float>(normal(random));
  return out;
}

inline bool same_bits(bf16 a, bf16 b) {
  return a.bits == b.bits;
}

inline bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

template <class T>
int64_t count_different(const T* a, const T* b, size_t count) {
  int64_t out = 0;
  for (size_t i = 0; i < count; ++i)
    out += same_bits(a[i], b[i]) ? 0 : 1;
  return out;
}

inline constexpr double bf16_half_ulp = 1.0 / 256; // of relative error by one rounding

} // namespace troupe::cuda
