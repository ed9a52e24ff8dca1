#include "tests/reference/quantize.hpp"

#include "kernels/float16.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace troupe::reference {

namespace {

void write_half(float value, std::byte* to) {
  const auto bits = float_to_half(value);
  std::memcpy(to, &bits, sizeof bits);
}

std::byte code(float value, int lowest, int highest) {
  return static_cast<std::byte>(std::clamp(static_cast<int>(std::lround(value)), lowest, highest));
}

void block(tensor_type type, const float* from, std::byte* to) {
  const auto [low, high] = std::minmax_element(from, from + 32);
  const float largest = std::max(std::fabs(*low), std::fabs(*high));
  const float scale = type == tensor_type::q8_0   ? largest / 127.0f
                      : type == tensor_type::q4_0 ? largest / 7.0f
                                                  : (*high - *low) / 15.0f;
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  write_half(scale, to);
  if (type == tensor_type::q8_0) {
    for (int i = 0; i < 32; ++i)
      to[2 + i] = code(from[i] * inverse, -127, 127);
    return;
  }
  auto* codes = to + (type == tensor_type::q4_1 ? 4 : 2);
  const float offset = type == tensor_type::q4_1 ? *low : -8.0f * scale;
  if (type == tensor_type::q4_1)
    write_half(*low, to + 2);
  for (int i = 0; i < 16; ++i)
    codes[i] = code((from[i] - offset) * inverse, 0, 15) | code((from[i + 16] - offset) * inverse, 0, 15)
                                                               << 4;
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
    } else {
      block(type, values.data() + b * 32, to);
    }
  }
  return out;
}

} // namespace troupe::reference
