#pragma once

#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/weight_matrix.hpp"

namespace troupe::cuda {

/// linear() with a packed weight: output[t, i] = sum over k of input[t, k] * weight[i, k], the weight's
/// values as dequantize() has them. The numeric definition is linear()'s, so these are the bits that linear()
/// and prefill_linear give on the dequantized matrix.
struct quantized_linear_params {
  const bf16* input;  // [tokens, k]
  const void* weight; // packed_bytes(format, n, k)
  void* output;       // see linear_result
  int32_t tokens;     // 1 to 64
  int32_t n, k;       // n: a multiple of 8, for silu_bf16 of 16; k: of 64, for q4_k of 256
  linear_result result;
  weight_format format; // not bf16_rows
};

/// Input and weight: 16-byte aligned. `stream.overlap` as linear(). Errors: shape_mismatch, unsupported (not
/// sm_90), launch_failed.
launch_status quantized_linear(const quantized_linear_params& params, const gpu_stream& stream,
                               const linear_geometry& geometry = {});

} // namespace troupe::cuda
