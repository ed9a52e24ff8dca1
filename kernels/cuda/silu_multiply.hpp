#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// output = bf16(silu(gate) * up): what linear_result::silu_bf16 does, for products that come from elsewhere.
/// The same bits.
struct silu_multiply_params {
  const bf16* input;            // [tokens, 2 * intermediate], alternating 8 of gate, 8 of up
  bf16* output;                 // [tokens, intermediate]
  int32_t tokens, intermediate; // intermediate: a multiple of 8
};

/// Pointers: 16-byte aligned. Errors: shape_mismatch, launch_failed.
launch_status silu_multiply(const silu_multiply_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
