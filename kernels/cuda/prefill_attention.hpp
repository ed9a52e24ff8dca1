#pragma once

#include "kernels/cuda/decode_attention.hpp"

namespace troupe::cuda {

/// A sequence's tokens in a prefill step.
struct prefill_slice {
  int32_t first_row; // of its tokens in the step's rows
  int32_t tokens;    // at positions [position, position + tokens)
  int32_t position;
  int32_t table_row; // of block_tables
};

/// Causal attention of many tokens over the pages, which already hold the step's own keys and values
/// (rope_append). The numeric definition is decode_attention's: a row has the same bits from either, in any
/// chunking.
struct prefill_attention_params {
  const bf16* qkv;             // [rows, (heads + 2 kv_heads) * head_dim], queries rotated
  const prefill_slice* slices; // [slice_count], on the device
  const int32_t* block_tables; // [.., table_stride]
  kv_pages pages;
  bf16* output; // [rows, heads * head_dim]
  int32_t slice_count, heads, table_stride;
  int32_t tokens_max; // of a slice; sets the grid
  int32_t rows;       // of qkv; none after them is read
  float scale;        // 1 / sqrt(head_dim)
};

/// Which kernel attends; no choice alters a bit.
enum class attention_path : int32_t {
  fastest,
  warps,      // mma.sync, 64 query rows a block: any card, any head_dim
  warpgroups, // wgmma fed by the copy engine, 128 query rows: sm_90, head_dim 64 or 128
};

/// head_dim: 64, 128 or 256. Errors: shape_mismatch, unsupported (the path, on this card or shape),
/// launch_failed.
launch_status prefill_attention(const prefill_attention_params& params, const gpu_stream& stream,
                                attention_path path = attention_path::fastest);

} // namespace troupe::cuda
