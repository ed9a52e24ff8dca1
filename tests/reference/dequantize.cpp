#include "tests/reference/dequantize.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace troupe::reference {

namespace {

template <class Number>
Number read(const std::byte* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

double half(const std::byte* at) {
  const auto bits = read<uint16_t>(at);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

double bfloat(const std::byte* at) {
  const auto bits = static_cast<uint32_t>(read<uint16_t>(at)) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Bits [shift, shift + count) of a byte.
int bits(std::byte byte, size_t shift, int count) {
  return static_cast<int>(byte) >> shift & ((1 << count) - 1);
}

/// One block of 32.
void block(tensor_type type, const std::byte* from, double* to) {
  const bool fifth = type == tensor_type::q5_0 || type == tensor_type::q5_1;
  const bool minimum = type == tensor_type::q4_1 || type == tensor_type::q5_1;
  const double d = half(from), m = minimum ? half(from + 2) : 0.0;
  const auto* upper = from + (minimum ? 4 : 2);
  const auto* codes = upper + (fifth ? 4 : 0);
  constexpr int levels[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  for (size_t i = 0; i < 32; ++i) {
    const int q = bits(codes[i % 16], i / 16 * 4, 4) + (fifth ? 16 * bits(upper[i / 8], i % 8, 1) : 0);
    if (type == tensor_type::q8_0)
      to[i] = d * read<int8_t>(from + 2 + i);
    else if (type == tensor_type::iq4_nl)
      to[i] = d * levels[q];
    else
      to[i] = minimum ? d * q + m : d * (q - (fifth ? 16 : 8));
  }
}

/// q4_k and q5_k: eight scales and eight minimums of 6 bits in 12 bytes, the upper two bits of the last four
/// in the first eight bytes.
void block_k4(bool fifth, const std::byte* from, double* to) {
  const double d = half(from), minimum = half(from + 2);
  const auto* scales = from + 4;
  const auto* codes = from + (fifth ? 48 : 16);
  for (size_t i = 0; i < 256; ++i) {
    const size_t j = i / 32, l = i % 32;
    const int sc = j < 4 ? bits(scales[j], 0, 6) : bits(scales[j + 4], 0, 4) + 16 * bits(scales[j - 4], 6, 2);
    const int n = j < 4 ? bits(scales[j + 4], 0, 6) : bits(scales[j + 4], 4, 4) + 16 * bits(scales[j], 6, 2);
    const int q = bits(codes[j / 2 * 32 + l], j % 2 * 4, 4) + (fifth ? 16 * bits(from[16 + l], j, 1) : 0);
    to[i] = d * sc * q - minimum * n;
  }
}

void block_k2(const std::byte* from, double* to) {
  const double d = half(from + 80), minimum = half(from + 82);
  for (size_t i = 0; i < 256; ++i) {
    const int q = bits(from[16 + i / 128 * 32 + i % 32], i / 32 % 4 * 2, 2);
    to[i] = d * bits(from[i / 16], 0, 4) * q - minimum * bits(from[i / 16], 4, 4);
  }
}

void block_k3(const std::byte* from, double* to) {
  for (size_t i = 0; i < 256; ++i) {
    const size_t s = i / 16;
    const int sc = bits(from[96 + s % 8], s / 8 * 4, 4) + 16 * bits(from[104 + s % 4], s / 4 * 2, 2) - 32;
    const int q =
        bits(from[32 + i / 128 * 32 + i % 32], i / 32 % 4 * 2, 2) + 4 * bits(from[i % 32], i / 32, 1) - 4;
    to[i] = half(from + 108) * sc * q;
  }
}

void block_k6(const std::byte* from, double* to) {
  for (size_t i = 0; i < 256; ++i) {
    const size_t half_block = i / 128, quarter = i / 32 % 4;
    const int q = bits(from[half_block * 64 + quarter % 2 * 32 + i % 32], quarter / 2 * 4, 4) +
                  16 * bits(from[128 + half_block * 32 + i % 32], quarter * 2, 2) - 32;
    to[i] = half(from + 208) * read<int8_t>(from + 192 + i / 16) * q;
  }
}

} // namespace

std::vector<double> dequantize(const tensor_view& tensor) {
  const auto layout = layout_of(tensor.type);
  const size_t blocks = tensor.data.size() / layout.bytes;
  std::vector<double> out(blocks * layout.elements);
  for (size_t b = 0; b < blocks; ++b) {
    const auto* from = tensor.data.data() + b * layout.bytes;
    switch (tensor.type) {
    case tensor_type::f32:
      out[b] = read<float>(from);
      break;
    case tensor_type::f16:
      out[b] = half(from);
      break;
    case tensor_type::bf16:
      out[b] = bfloat(from);
      break;
    case tensor_type::q2_k:
      block_k2(from, out.data() + b * 256);
      break;
    case tensor_type::q3_k:
      block_k3(from, out.data() + b * 256);
      break;
    case tensor_type::q4_k:
    case tensor_type::q5_k:
      block_k4(tensor.type == tensor_type::q5_k, from, out.data() + b * 256);
      break;
    case tensor_type::q6_k:
      block_k6(from, out.data() + b * 256);
      break;
    default:
      block(tensor.type, from, out.data() + b * 32);
    }
  }
  return out;
}

} // namespace troupe::reference
