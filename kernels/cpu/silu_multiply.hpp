#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// output = gate / (1 + exp(-gate)) * up, element by element; exp is ours (body/exp_lanes.hpp).
struct silu_multiply_params {
  const float* gate; // [tokens, width]
  const float* up;   // [tokens, width]
  float* output;     // [tokens, width], may alias either
  int32_t tokens, width;
};

/// Errors: shape_mismatch.
status silu_multiply(const silu_multiply_params& params, const cpu_stream& stream);

} // namespace troupe
