#pragma once

#include "kernels/cuda/kv_pages.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// Keys in a block of attention: blocks lie at multiples of it, whatever the batch, the context or the query.
inline constexpr int32_t attention_block = 128;

/// One step of decoding: rotates query and key of each sequence's new token, writes its key and value into
/// the pages, and attends to all positions up to it.
///
/// Numeric definition, the same for prefill. Rotated queries and keys are bf16. In a block: scores by
/// tensor-core steps of 16 over head_dim ascending, one fp32 accumulator; f = scale * log2(e); m = f * max
/// score; p = 2^fma(score, f, -m); sums of p: lane j of 4 takes keys 8 i + 2 j and 8 i + 2 j + 1 of every 16
/// keys in order, the eight 16s in order, then (0 + 1) + (2 + 3); output = bf16(p) times values, 16 keys at a
/// time ascending, one fp32 accumulator. Blocks combine in order: M' = max(M, m), a = 2^(M - M'), b = 2^(m -
/// M'), L = fma(l, b, L * a), O = fma(o, b, O * a). The result is bf16(O * (1 / L)). Source: Flash-Decoding
/// (Dao et al. 2023), with blocks at fixed places.
struct decode_attention_params {
  const bf16* qkv;             // [sequences, (heads + 2 kv_heads) * head_dim]
  const float* rope_table;     // [table_positions, head_dim / 2, 2]: cosine, sine
  const int32_t* positions;    // [sequences]: of the new token, in [0, context_max)
  const int32_t* block_tables; // [sequences, table_stride]: pages
  kv_pages pages;
  bf16* output;       // [sequences, heads * head_dim]
  float* partials;    // decode_attention_partial_bytes
  uint32_t* counters; // [sequences, kv_heads], zero before the first call; left zero
  int32_t sequences, heads, table_stride, table_positions;
  int32_t context_max; // no position reaches it; sets the grid, alters no bit
  float scale;         // 1 / sqrt(head_dim)
};

/// Of `partials`.
constexpr size_t decode_attention_partial_bytes(int32_t sequences, int32_t heads, int32_t head_dim,
                                                int32_t context_max) {
  size_t blocks = static_cast<size_t>((context_max + attention_block - 1) / attention_block);
  return static_cast<size_t>(sequences) * blocks * static_cast<size_t>(heads) *
         static_cast<size_t>(head_dim + 2) * sizeof(float);
}

/// With `stream.overlap`, positions, block tables and earlier tokens' pages are read before the kernels
/// before it have ended: they must be complete when the step's embed() runs, which lets nobody start early.
/// head_dim: 64, 128 or 256; heads: a multiple of kv_heads, at most 16 times it. Errors: shape_mismatch,
/// launch_failed.
launch_status decode_attention(const decode_attention_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
