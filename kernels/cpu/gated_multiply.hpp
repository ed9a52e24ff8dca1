#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// output = activation(gate) * up, element by element; exp is ours (body/exp_lanes.hpp).
struct gated_multiply_params {
  const float* gate; // [tokens, width]
  const float* up;   // [tokens, width]
  float* output;     // [tokens, width], may alias either
  int32_t tokens, width;
};

/// silu(x) = x / (1 + exp(-x)). Errors: shape_mismatch.
status silu_multiply(const gated_multiply_params& params, const cpu_stream& stream);

/// The tanh form of GELU (Hendrycks and Gimpel 2016): gelu(x) = x (1 + tanh(u)) / 2 = x / (1 + exp(-2u)), 2u
/// = x * fma(x * x, c2, c1), c1 = 2 sqrt(2 / pi), c2 = 0.044715 c1. Errors: shape_mismatch.
status gelu_multiply(const gated_multiply_params& params, const cpu_stream& stream);

} // namespace troupe
