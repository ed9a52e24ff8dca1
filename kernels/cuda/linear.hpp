#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// What becomes of a product's fp32 accumulators.
enum class linear_result : int32_t {
  bf16_rows,   // output: bf16 [tokens, n], rounded to nearest even
  fp32_rows,   // output: float [tokens, n]
  add_to_fp32, // output: float [tokens, n] += product: the residual stream
  silu_bf16, // output: bf16 [tokens, n / 2] = silu(gate) * up, gate and up rounded to bf16 first. Weight rows
             // alternate: 8 of gate, 8 of up; n a multiple of 16
};

/// output[t, i] = sum over k of input[t, k] * weight[i, k].
///
/// Numeric definition: one fp32 accumulator per output, k ascending in tensor-core steps of 16, no split. A
/// row's bits depend on nothing but the row: not on tokens, its place, or the geometry.
struct linear_params {
  const bf16* input;  // [tokens, k]
  const bf16* weight; // [n, k]
  void* output;       // see linear_result
  int32_t tokens;     // 1 to 64
  int32_t n, k;       // k: a multiple of 8
  linear_result result;
};

/// How a product is laid over the card; no choice alters a bit. 0: the launcher chooses.
struct linear_geometry {
  int32_t tile_rows = 0;  // weight rows of a block at a time: a multiple of 16, at most 256
  int32_t ring_bytes = 0; // shared memory for weights and inputs on their way
};

/// Streams the weights once through shared memory; with `stream.overlap`, as much as the ring holds before
/// the previous kernel ends. Input and weight: 16-byte aligned. Errors: shape_mismatch, unsupported (not
/// sm_90), launch_failed.
launch_status linear(const linear_params& params, const gpu_stream& stream,
                     const linear_geometry& geometry = {});

} // namespace troupe::cuda
