#pragma once

#include "kernels/cpu/weight_format.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

// Internal linkage: code compiled for one instruction set must never be merged with another's.
namespace {

/// How a tile holds a quantized format.
struct tile_traits {
  int32_t bits;   // of a code: 4, 5, 6 or 8
  int32_t zero;   // the code of the weight 0
  bool minimum;   // a minimum follows each scale
  int32_t parts;  // scales of a block: 1, or one for each half of 16 columns
  bool is_signed; // factors are int8, else uint8
};

constexpr tile_traits traits_of(weight_format format) {
  switch (format) {
  case weight_format::q8_0:
    return {8, 128, false, 1, false};
  case weight_format::q4_0:
    return {4, 8, false, 1, false};
  case weight_format::q4_1:
  case weight_format::q4_k:
    return {4, 0, true, 1, false};
  case weight_format::q5_0:
    return {5, 16, false, 1, false};
  case weight_format::q5_1:
  case weight_format::q5_k:
    return {5, 0, true, 1, false};
  case weight_format::iq4_nl: // of what the table gives
    return {4, 128, false, 1, false};
  case weight_format::q2_k:
    return {4, 0, true, 2, false};
  case weight_format::q3_k:
    return {4, 4, false, 2, true};
  case weight_format::q6_k:
    return {6, 32, false, 2, true};
  default:
    return {0, 0, false, 0, false};
  }
}

/// iq4_nl's 16 levels. Source: ggml, kvalues_iq4nl.
constexpr int8_t iq4_nl_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

/// Byte offsets inside one quantized tile of packed_matrix.
struct tile_layout {
  weight_format format;
  int32_t blocks;

  constexpr tile_traits traits() const { return traits_of(format); }
  constexpr size_t code_bytes() const { return static_cast<size_t>(traits().bits) * 64; } // of one block
  constexpr size_t groups() const { return static_cast<size_t>(blocks / group_blocks(format)); }
  constexpr size_t factor_bytes() const { // sc, and n, of all blocks
    return group_blocks(format) == 1 ? 0 : static_cast<size_t>(blocks * traits().parts) * 16;
  }

  constexpr size_t scales() const { return static_cast<size_t>(blocks) * code_bytes(); }
  constexpr size_t minimums() const { return scales() + groups() * 32; }
  constexpr size_t factors() const { return minimums() + (traits().minimum ? groups() * 32 : 0); }
  constexpr size_t minimum_factors() const { return factors() + factor_bytes(); }
  constexpr size_t bytes() const { return minimum_factors() + (traits().minimum ? factor_bytes() : 0); }
};

/// The code of column i, 0 to 31, of one row of a block of `bits` 4, 5, 6 or 8 (packed_matrix.hpp).
inline uint32_t tile_code(const std::byte* codes, int32_t bits, size_t lane, size_t i) {
  const auto byte = [&](size_t vector) {
    return static_cast<uint32_t>(codes[vector * 64 + lane * 4 + i % 4]);
  };
  const size_t vector = i / 4;
  if (bits == 8)
    return byte(vector);
  const auto lower = byte(vector % 4) >> vector / 4 * 4 & 15u;
  if (bits == 5)
    return lower | (byte(4) >> vector & 1u) << 4;
  if (bits == 6)
    return lower | (byte(4 + vector / 4) >> vector % 4 * 2 & 3u) << 4;
  return lower;
}

} // namespace
} // namespace troupe
