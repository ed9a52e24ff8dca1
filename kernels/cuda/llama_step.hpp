#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/kv_pages.hpp"
#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"
#include "kernels/cuda/weight_matrix.hpp"

#include <cstdint>

namespace troupe::cuda {

struct llama_layer {
  const float* attention_norm; // [hidden]
  weight_matrix qkv; // [(heads + 2 kv_heads) * head_dim, hidden]; pairs of rotary embedding are neighbours
  weight_matrix attention_output; // [hidden, heads * head_dim]
  const float* feed_norm;         // [hidden]
  weight_matrix gate_up;          // [2 * intermediate, hidden], alternating 8 of gate, 8 of up
  weight_matrix down;             // [hidden, intermediate]
  kv_pages pages;
};

struct llama_weights {
  const llama_layer* layers; // [layer_count], on the host
  weight_matrix embedding;   // [vocabulary, hidden]
  const float* output_norm;  // [hidden]
  weight_matrix output;      // [vocabulary, hidden]
  const float* rope_table;   // [table_positions, head_dim / 2, 2]
  int32_t layer_count, hidden, intermediate, heads, kv_heads, head_dim, vocabulary, table_positions;
  float epsilon;
};

/// Device memory that a step writes; sizes in elements, for the most sequences it will serve.
struct llama_scratch {
  float* residual;     // [sequences, hidden]
  bf16* normed;        // [sequences, hidden]
  bf16* qkv;           // [sequences, (heads + 2 kv_heads) * head_dim]
  bf16* attended;      // [sequences, heads * head_dim]
  bf16* activated;     // [sequences, intermediate]
  float* logits;       // [sequences, vocabulary]
  float* partials;     // decode_attention_partial_bytes
  uint32_t* counters;  // [sequences, kv_heads], zero before the first step
  uint64_t* best;      // [sequences], zero before the first step
  uint32_t* rows_done; // [sequences], zero before the first step
};

/// One decoding step of `sequences` sequences, each with one new token: writes their keys and values into the
/// pages, and the greedy next token over `token`.
struct llama_decode_params {
  int32_t* token;              // [sequences]: in the new token, out the next
  const int32_t* positions;    // [sequences]: of the new token
  const int32_t* block_tables; // [sequences, table_stride]
  int32_t sequences;           // 1 to 64
  int32_t table_stride;
  int32_t context_max; // no position reaches it
};

/// Only launches, in a fixed number of kernels (5 + 7 a layer), so that a CUDA graph can hold it. Errors:
/// those of the launchers.
launch_status llama_decode(const llama_weights& weights, const llama_scratch& scratch,
                           const llama_decode_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
