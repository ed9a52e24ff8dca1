#pragma once

#include "kernels/cuda/kv_pages.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// Rotates the queries of a step in place, and writes its rotated keys and its values into the pages.
/// Pairs are neighbours (2 i, 2 i + 1); checkpoints with split halves are permuted when they are loaded.
struct rope_append_params {
  bf16* qkv;                   // [tokens, (heads + 2 kv_heads) * head_dim]
  const float* rope_table;     // [table_positions, head_dim / 2, 2]: cosine, sine
  const int32_t* positions;    // [tokens], each in [0, table_positions)
  const int32_t* sequences;    // [tokens]: row of block_tables
  const int32_t* block_tables; // [sequences, table_stride]: pages
  kv_pages pages;
  int32_t tokens, heads, table_stride, table_positions;
};

/// head_dim: a multiple of 8, at most 256. Errors: shape_mismatch, launch_failed.
launch_status rope_append(const rope_append_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
