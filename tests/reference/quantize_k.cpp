#include "tests/reference/quantize_k.hpp"

#include "kernels/float16.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace troupe::reference {

namespace {

/// Where a format keeps its numbers.
struct layout {
  size_t part;    // columns of one scale
  int zero, top;  // codes are 0 to top and stand `zero` above what they mean
  int factor_top; // of the small integers that scale d
  bool minimum;
  size_t d, minimum_at; // bytes
};

layout layout_of_k(tensor_type type) {
  switch (type) {
  case tensor_type::q2_k:
    return {16, 0, 3, 15, true, 80, 82};
  case tensor_type::q3_k:
    return {16, 4, 7, 31, false, 108, 0};
  case tensor_type::q4_k:
    return {32, 0, 15, 63, true, 0, 2};
  case tensor_type::q5_k:
    return {32, 0, 31, 63, true, 0, 2};
  default:
    return {16, 32, 63, 127, false, 208, 0};
  }
}

void put(std::byte& byte, size_t shift, int value) {
  byte |= static_cast<std::byte>(value << shift);
}

/// The factors of part `p`.
void put_factors(tensor_type type, size_t p, int scale, int minimum, std::byte* to) {
  if (type == tensor_type::q2_k) {
    put(to[p], 0, scale);
    put(to[p], 4, minimum);
  } else if (type == tensor_type::q3_k) {
    put(to[96 + p % 8], p / 8 * 4, (scale + 32) & 15);
    put(to[104 + p % 4], p / 4 * 2, (scale + 32) >> 4);
  } else if (type == tensor_type::q6_k) {
    to[192 + p] = static_cast<std::byte>(scale);
  } else if (p < 4) {
    put(to[4 + p], 0, scale);
    put(to[8 + p], 0, minimum);
  } else {
    put(to[8 + p], 0, scale & 15);
    put(to[p], 6, scale >> 4);
    put(to[8 + p], 4, minimum & 15);
    put(to[4 + p], 6, minimum >> 4);
  }
}

void put_code(tensor_type type, size_t i, int q, std::byte* to) {
  const size_t half = i / 128, quarter = i / 32 % 4, l = i % 32;
  if (type == tensor_type::q2_k) {
    put(to[16 + half * 32 + l], quarter * 2, q);
  } else if (type == tensor_type::q3_k) {
    put(to[32 + half * 32 + l], quarter * 2, q & 3);
    put(to[l], i / 32, q >> 2);
  } else if (type == tensor_type::q6_k) {
    put(to[half * 64 + quarter % 2 * 32 + l], quarter / 2 * 4, q & 15);
    put(to[128 + half * 32 + l], quarter * 2, q >> 4);
  } else {
    const size_t first = type == tensor_type::q5_k ? 48 : 16;
    put(to[first + i / 64 * 32 + l], i / 32 % 2 * 4, q & 15);
    if (type == tensor_type::q5_k)
      put(to[16 + l], i / 32, q >> 4);
  }
}

/// d that the largest of `count` numbers needs, written where it belongs; as fp16 has it.
float put_unit(const float* numbers, size_t count, int top, std::byte* to) {
  const float largest = *std::max_element(numbers, numbers + count);
  const auto half = float_to_half(largest / static_cast<float>(top));
  std::memcpy(to, &half, sizeof half);
  return half_to_float(half);
}

int over(float number, float unit, int top) {
  return unit > 0.0f ? std::clamp(static_cast<int>(std::lround(number / unit)), 0, top) : 0;
}

} // namespace

void quantize_k(tensor_type type, const float* values, std::byte* to) {
  const auto where = layout_of_k(type);
  const size_t parts = 256 / where.part;
  float scales[16] = {}, minimums[16] = {};
  for (size_t p = 0; p < parts; ++p) {
    const float* from = values + p * where.part;
    const auto [low, high] = std::minmax_element(from, from + where.part);
    const float largest = std::max(std::fabs(*low), std::fabs(*high));
    minimums[p] = where.minimum ? std::max(0.0f, -*low) : 0.0f;
    scales[p] = where.minimum ? (std::max(0.0f, *high) + minimums[p]) / static_cast<float>(where.top)
                              : largest / static_cast<float>(where.zero - 1);
  }
  const float d = put_unit(scales, parts, where.factor_top, to + where.d);
  const float unit =
      where.minimum ? put_unit(minimums, parts, where.factor_top, to + where.minimum_at) : 0.0f;
  for (size_t p = 0; p < parts; ++p) {
    // Every other scale of the formats that have signs is negative.
    const int sign = !where.minimum && p % 2 == 1 ? -1 : 1;
    const int factor = over(scales[p], d, where.factor_top), n = over(minimums[p], unit, where.factor_top);
    put_factors(type, p, sign * factor, n, to);
    const float scale = d * static_cast<float>(sign * factor), minimum = unit * static_cast<float>(n);
    for (size_t i = p * where.part; i < (p + 1) * where.part; ++i) {
      const float q = scale != 0.0f ? (values[i] + minimum) / scale : 0.0f;
      put_code(type, i, std::clamp(static_cast<int>(std::lround(q)) + where.zero, 0, where.top), to);
    }
  }
}

} // namespace troupe::reference
