#pragma once

#include "base/attention_window.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"
#include "kernels/paged_kv.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe {

/// Keys are combined in splits of this many positions, at multiples of it, whatever the batch or the query.
inline constexpr int32_t attention_split = 256;

/// A sequence's tokens in a step and where its keys and values lie.
struct attention_slice {
  int32_t first_row; // of its tokens in the step's rows
  int32_t tokens;    // at positions [position, position + tokens)
  int32_t position;
  /// Pages of positions [0, position + tokens). Entries of pages that no row of the slice sees are not read.
  const page_id* block_table;
};

/// One layer's pages: page p's block starts at base + p * page_stride.
struct layer_pages {
  std::byte* base;
  size_t page_stride; // bytes from one page to the next
  page_layout layout;
};

/// Writes keys (already rotated) and values of a step into the pages, rounded to fp16 (nearest even).
struct append_kv_params {
  const float* key;   // [rows, kv_heads * head_dim]
  const float* value; // [rows, kv_heads * head_dim]
  layer_pages pages;
  std::span<const attention_slice> slices;
};

/// Errors: shape_mismatch.
status append_kv(const append_kv_params& params, const cpu_stream& stream);

/// Causal softmax(q k / sqrt(head_dim)) v over paged keys and values that include the step's own. A query at
/// position p sees the keys at k <= p with k > p - window.positions or k < window.sinks; without a window all
/// k <= p.
/// A score is one fma chain over head_dim, then * scale. In a split: m = largest score, p = exp(score - m),
/// the sum of p by position mod 16 and then the tree i + 8, + 4, + 2, + 1, the output one fma chain over
/// ascending positions, each over the keys that the query sees. Splits with such a key combine in order: M' =
/// max(M, m), a = exp(M - M'), b = exp(m - M'); L = fma(L, a, l * b), O = fma(O, a, o * b). The result is O *
/// (1 / L). Source: Dao et al., Flash-Decoding (2023); the order is fixed for batch invariance. Window:
/// Beltagy et al., Longformer (2020); sinks: Xiao et al., StreamingLLM (2023), but with positions as they
/// are.
struct attention_params {
  const float* query; // [rows, heads * head_dim]
  float* output;      // as query
  layer_pages pages;
  std::span<const attention_slice> slices;
  int32_t heads; // a multiple of kv_heads
  float scale;   // 1 / sqrt(head_dim)
  attention_window window = {};
};

/// head_dim: a multiple of 16, at most 256. Errors: shape_mismatch.
status attention(const attention_params& params, const cpu_stream& stream);

} // namespace troupe
