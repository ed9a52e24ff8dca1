#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// output += input, element by element.
struct add_rows_params {
  const float* input; // [tokens, width]
  float* output;      // [tokens, width]
  int32_t tokens, width;
};

/// Errors: shape_mismatch.
status add_rows(const add_rows_params& params, const cpu_stream& stream);

} // namespace troupe
