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

/// One block of 32.
void block(tensor_type type, const std::byte* from, double* to) {
  const double d = half(from), m = type == tensor_type::q4_1 ? half(from + 2) : 0.0;
  for (int i = 0; i < 32; ++i) {
    if (type == tensor_type::q8_0) {
      to[i] = d * read<int8_t>(from + 2 + i);
      continue;
    }
    const auto* codes = from + (type == tensor_type::q4_1 ? 4 : 2);
    const int byte = static_cast<int>(codes[i % 16]);
    const int q = i < 16 ? byte & 15 : byte >> 4;
    to[i] = type == tensor_type::q4_0 ? d * (q - 8) : d * q + m;
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
    default:
      block(tensor.type, from, out.data() + b * 32);
    }
  }
  return out;
}

} // namespace troupe::reference
