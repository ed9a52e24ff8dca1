#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// How weights are stored in a file. Quantized blocks hold 32 columns of one row, those of the K formats
/// eight of them; d and m are fp16, sc and n the blocks' small integers. Source: ggml's block formats.
///   q8_0, q4_0, q5_0: w = d * (q - zero); q4_1, q5_1: w = d * q + m; iq4_nl: w = d * table[q];
///   q4_k, q5_k: w = (d * sc) * q - m * n; q2_k: the same, sc and n for each 16 columns;
///   q3_k, q6_k: w = (d * sc) * (q - zero), sc for each 16 columns.
enum class weight_format {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  iq4_nl,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k
};

std::string_view to_string(weight_format format);

/// Columns of one block.
inline constexpr int32_t block_columns = 32;

constexpr bool is_quantized(weight_format format) {
  return format >= weight_format::q8_0;
}

/// Quantized blocks that share d and m: one, in the K formats eight.
constexpr int32_t group_blocks(weight_format format) {
  return format >= weight_format::q2_k ? 8 : 1;
}

} // namespace troupe
