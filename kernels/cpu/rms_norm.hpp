#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// output = input / sqrt(mean(input^2) + epsilon) * weight, row by row.
/// The squares add up in 16 lanes (index mod 16), then by the tree i + 8, + 4, + 2, + 1.
struct rms_norm_params {
  const float* input;  // [tokens, hidden]
  const float* weight; // [hidden]
  float* output;       // [tokens, hidden], may alias input
  int32_t tokens, hidden;
  float epsilon; // added to the mean square, above 0
};

/// Errors: shape_mismatch.
status rms_norm(const rms_norm_params& params, const cpu_stream& stream);

} // namespace troupe
