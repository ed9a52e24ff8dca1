#include "kernels/cpu/source_blocks.hpp"

#include <cstring>

namespace troupe {

namespace {

uint16_t half_at(const std::byte* data) {
  uint16_t value = 0;
  std::memcpy(&value, data, sizeof value);
  return value;
}

unsigned byte_at(const std::byte* data) {
  return static_cast<unsigned>(*data);
}

/// 16 bytes: columns 0 to 15 in the low halves, 16 to 31 in the high ones.
void read_nibbles(const std::byte* from, source_block& out) {
  for (size_t i = 0; i < 16; ++i) {
    out.codes[i] = static_cast<uint8_t>(byte_at(from + i) & 15u);
    out.codes[i + 16] = static_cast<uint8_t>(byte_at(from + i) >> 4);
  }
}

/// The fifth bits: 32 of them, in the order of columns.
void add_fifth_bits(const std::byte* from, source_block& out) {
  uint32_t bits = 0;
  std::memcpy(&bits, from, sizeof bits);
  for (size_t i = 0; i < 32; ++i)
    out.codes[i] = static_cast<uint8_t>(out.codes[i] | (bits >> i & 1u) << 4);
}

/// q4_0, q4_1, q5_0, q5_1, iq4_nl and q8_0: one block each.
source_block read_single(weight_format format, const std::byte* block) {
  source_block out{};
  out.scale = half_at(block);
  if (format == weight_format::q8_0) {
    for (size_t i = 0; i < 32; ++i)
      out.codes[i] = static_cast<uint8_t>(byte_at(block + 2 + i) ^ 0x80u); // q + 128
    return out;
  }
  const bool minimum = format == weight_format::q4_1 || format == weight_format::q5_1;
  const bool fifth = format == weight_format::q5_0 || format == weight_format::q5_1;
  if (minimum)
    out.minimum = half_at(block + 2);
  const auto* bits = block + (minimum ? 4 : 2);
  read_nibbles(bits + (fifth ? 4 : 0), out);
  if (fifth)
    add_fifth_bits(bits, out);
  return out;
}

/// Eight scales and minimums of 6 bits in 12 bytes.
void read_scales_k4(const std::byte* from, size_t b, source_block& out) {
  const auto at = [from](size_t i) { return byte_at(from + i); };
  const auto scale = b < 4 ? at(b) & 63u : (at(b + 4) & 15u) | (at(b - 4) >> 6) << 4;
  const auto minimum = b < 4 ? at(b + 4) & 63u : at(b + 4) >> 4 | (at(b) >> 6) << 4;
  out.factors[0] = static_cast<uint8_t>(scale);
  out.minimum_factors[0] = static_cast<uint8_t>(minimum);
}

/// d, dmin, 12 bytes of scales, (q5_k: 32 bytes of fifth bits), 128 bytes of halves.
source_block read_k4_k5(weight_format format, const std::byte* group, size_t b) {
  source_block out{};
  out.scale = half_at(group);
  out.minimum = half_at(group + 2) ^ 0x8000u;
  read_scales_k4(group + 4, b, out);
  const bool fifth = format == weight_format::q5_k;
  const auto* halves = group + (fifth ? 48 : 16) + b / 2 * 32;
  for (size_t i = 0; i < 32; ++i) {
    auto code = b % 2 == 0 ? byte_at(halves + i) & 15u : byte_at(halves + i) >> 4;
    if (fifth)
      code |= (byte_at(group + 16 + i) >> b & 1u) << 4;
    out.codes[i] = static_cast<uint8_t>(code);
  }
  return out;
}

/// 128 bytes of halves, 64 of upper bits, 16 scales, d.
source_block read_k6(const std::byte* group, size_t b) {
  source_block out{};
  out.scale = half_at(group + 208);
  const size_t half = b / 4, quarter = b % 4;
  for (size_t i = 0; i < 2; ++i)
    out.factors[i] = static_cast<uint8_t>(byte_at(group + 192 + half * 8 + quarter * 2 + i));
  const auto* lower = group + half * 64 + quarter % 2 * 32;
  const auto* upper = group + 128 + half * 32;
  for (size_t i = 0; i < 32; ++i)
    out.codes[i] = static_cast<uint8_t>((byte_at(lower + i) >> quarter / 2 * 4 & 15u) |
                                        (byte_at(upper + i) >> 2 * quarter & 3u) << 4);
  return out;
}

/// 32 bytes of third bits, 64 of lower bits, 12 of scales (6 bits each, less 32), d.
source_block read_k3(const std::byte* group, size_t b) {
  source_block out{};
  out.scale = half_at(group + 108);
  const auto* scales = group + 96;
  for (size_t i = 0; i < 2; ++i) {
    const size_t at = 2 * b + i;
    const auto low = byte_at(scales + at % 8) >> at / 8 * 4 & 15u;
    const auto high = byte_at(scales + 8 + at % 4) >> at / 4 * 2 & 3u;
    out.factors[i] = static_cast<uint8_t>((low | high << 4) - 32);
  }
  const auto* lower = group + 32 + b / 4 * 32;
  for (size_t i = 0; i < 32; ++i)
    out.codes[i] =
        static_cast<uint8_t>((byte_at(lower + i) >> b % 4 * 2 & 3u) | (byte_at(group + i) >> b & 1u) << 2);
  return out;
}

/// 16 bytes of scales and minimums, 64 of codes, d, dmin.
source_block read_k2(const std::byte* group, size_t b) {
  source_block out{};
  out.scale = half_at(group + 80);
  out.minimum = half_at(group + 82) ^ 0x8000u;
  for (size_t i = 0; i < 2; ++i) {
    out.factors[i] = static_cast<uint8_t>(byte_at(group + 2 * b + i) & 15u);
    out.minimum_factors[i] = static_cast<uint8_t>(byte_at(group + 2 * b + i) >> 4);
  }
  for (size_t i = 0; i < 32; ++i)
    out.codes[i] = static_cast<uint8_t>(byte_at(group + 16 + b / 4 * 32 + i) >> b % 4 * 2 & 3u);
  return out;
}

} // namespace

size_t source_group_bytes(weight_format format) {
  switch (format) {
  case weight_format::q8_0:
    return 34;
  case weight_format::q4_0:
  case weight_format::iq4_nl:
    return 18;
  case weight_format::q4_1:
    return 20;
  case weight_format::q5_0:
    return 22;
  case weight_format::q5_1:
    return 24;
  case weight_format::q2_k:
    return 84;
  case weight_format::q3_k:
    return 110;
  case weight_format::q4_k:
    return 144;
  case weight_format::q5_k:
    return 176;
  case weight_format::q6_k:
    return 210;
  default:
    return 0;
  }
}

source_block read_block(weight_format format, const std::byte* row, size_t index) {
  const auto blocks = static_cast<size_t>(group_blocks(format));
  const auto* group = row + index / blocks * source_group_bytes(format);
  switch (format) {
  case weight_format::q2_k:
    return read_k2(group, index % blocks);
  case weight_format::q3_k:
    return read_k3(group, index % blocks);
  case weight_format::q4_k:
  case weight_format::q5_k:
    return read_k4_k5(format, group, index % blocks);
  case weight_format::q6_k:
    return read_k6(group, index % blocks);
  default:
    return read_single(format, group);
  }
}

} // namespace troupe
