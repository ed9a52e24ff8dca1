#include "tests/reference/quantize.hpp"

#include "kernels/float16.hpp"
#include "tests/reference/quantize_k.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace troupe::reference {

namespace {

void write_half(float value, std::byte* to) {
  const auto bits = float_to_half(value);
  std::memcpy(to, &bits, sizeof bits);
}

int code(float value, int lowest, int highest) {
  return std::clamp(static_cast<int>(std::lround(value)), lowest, highest);
}

/// Adds `value` from bit `shift` of a byte on.
void put(std::byte& byte, size_t shift, int value) {
  byte |= static_cast<std::byte>(value << shift);
}

/// The code of iq4_nl's level nearest to `value`.
int nearest_level(float value) {
  constexpr int levels[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const auto* best = std::min_element(std::begin(levels), std::end(levels), [value](int a, int b) {
    return std::fabs(static_cast<float>(a) - value) < std::fabs(static_cast<float>(b) - value);
  });
  return static_cast<int>(best - levels);
}

void block(tensor_type type, const float* from, std::byte* to) {
  const bool minimum = type == tensor_type::q4_1 || type == tensor_type::q5_1;
  const bool fifth = type == tensor_type::q5_0 || type == tensor_type::q5_1;
  const auto [low, high] = std::minmax_element(from, from + 32);
  const float largest = std::max(std::fabs(*low), std::fabs(*high));
  const int top = type == tensor_type::q8_0 || type == tensor_type::iq4_nl ? 127 : fifth ? 31 : 15;
  const float scale = top == 127 ? largest / 127.0f
                      : minimum  ? (*high - *low) / static_cast<float>(top)
                                 : largest / static_cast<float>(top / 2);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  write_half(scale, to);
  if (minimum)
    write_half(*low, to + 2);
  auto* upper = to + (minimum ? 4 : 2);
  auto* codes = upper + (fifth ? 4 : 0);
  const float offset = minimum ? *low : static_cast<float>(-(top / 2 + 1)) * scale;
  for (size_t i = 0; i < 32; ++i) {
    if (type == tensor_type::q8_0) {
      to[2 + i] = static_cast<std::byte>(code(from[i] * inverse, -127, 127));
      continue;
    }
    const int q = type == tensor_type::iq4_nl ? nearest_level(from[i] * inverse)
                                              : code((from[i] - offset) * inverse, 0, top);
    put(codes[i % 16], i / 16 * 4, q & 15);
    if (fifth)
      put(upper[i / 8], i % 8, q >> 4);
  }
}

} // namespace

std::vector<std::byte> quantize(tensor_type type, std::span<const float> values) {
  const auto layout = layout_of(type);
  std::vector<std::byte> out(values.size() / layout.elements * layout.bytes);
  for (size_t b = 0; b < values.size() / layout.elements; ++b) {
    auto* to = out.data() + b * layout.bytes;
    if (type == tensor_type::f32) {
      std::memcpy(to, &values[b], sizeof(float));
    } else if (type == tensor_type::f16) {
      write_half(values[b], to);
    } else if (type == tensor_type::bf16) {
      uint32_t bits;
      std::memcpy(&bits, &values[b], sizeof bits);
      const auto top = static_cast<uint16_t>(bits >> 16);
      std::memcpy(to, &top, sizeof top);
    } else if (layout.elements == 256) {
      quantize_k(type, values.data() + b * 256, to);
    } else {
      block(type, values.data() + b * 32, to);
    }
  }
  return out;
}

} // namespace troupe::reference
