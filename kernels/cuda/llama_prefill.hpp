#pragma once

#include "kernels/cuda/llama_step.hpp"
#include "kernels/cuda/prefill_attention.hpp"
#include "kernels/cuda/prefill_linear.hpp"

namespace troupe::cuda {

/// A step of many tokens, of one or more sequences: writes their keys and values into the pages, and the
/// greedy next token after each of `logit_rows`, if there are any. A token's bits are those that llama_decode
/// gives it.
struct llama_prefill_params {
  const int32_t* token;                                               // [tokens]
  const int32_t* positions;                                           // [tokens]
  const int32_t* sequences;                                           // [tokens]: row of block_tables
  const int32_t* block_tables;                                        // [.., table_stride]
  const prefill_slice* slices;                                        // [slice_count]: all tokens, in order
  const int32_t* logit_rows;                                          // [logit_count]
  int32_t* next_token;                                                // [logit_count]
  int32_t tokens, slice_count, tokens_max, table_stride, logit_count; // tokens_max: of a slice
  bf16* gate_up;                                                      // scratch: [tokens, 2 * intermediate]
  bf16* dequantized; // scratch: the largest [n, k] among quantized weights, null without any
  /// So many of the first slices are of one token each and attend as in decoding, which alters no bit and
  /// takes `partials` and `counters` for so many sequences; none of their positions reaches decode_context.
  int32_t decode_slices = 0, decode_context = 0;
};

/// `scratch` holds tokens rows (logits, best and rows_done: logit_count). Products of more than 64 rows go to
/// `many_rows`, or in pieces of 64 to linear() where it is null: for shapes that fail the self-test. Errors:
/// those of the launchers.
///
/// A quantized weight of such a product is first written out in bf16: the values that decoding multiplies by.
launch_status llama_prefill(const llama_weights& weights, const llama_scratch& scratch,
                            const llama_prefill_params& params, prefill_linear* many_rows,
                            const gpu_stream& stream);

/// After llama_prefill without logit rows: logits [count, vocabulary] of `rows` (on the device) of its step,
/// 1 to 64 at a time, so that scratch.logits need not hold them all. They have llama_decode's bits. Errors:
/// those of the launchers.
launch_status llama_logits(const llama_weights& weights, const llama_scratch& scratch, const int32_t* rows,
                           int32_t count, const gpu_stream& stream);

} // namespace troupe::cuda
