#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// output = bf16(input / sqrt(mean(input^2) + epsilon) * weight), row by row. The residual add before it is
/// the product's (linear_result::add_to_fp32). A row's bits depend on the row and hidden only.
struct rms_norm_params {
  const float* input;  // [tokens, hidden], or [.., hidden] with rows
  const float* weight; // [hidden]
  bf16* output;        // [tokens, hidden]
  int32_t tokens, hidden;
  float epsilon;                 // added to the mean square, above 0
  const int32_t* rows = nullptr; // [tokens]: which row of input each output row takes; null: its own
};

/// Pointers: 16-byte aligned. Errors: shape_mismatch, launch_failed.
launch_status rms_norm(const rms_norm_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
