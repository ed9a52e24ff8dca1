#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// Activations as the quantized products want them, block by block of 32 columns of one row:
///   amax = largest magnitude; q = round to nearest even(x * (127 / amax)); scale = amax / 127;
///   amax below 2^-100: q = 0, scale = 0; an infinity or NaN in the block: q = 0, scale = NaN.
struct quantized_rows {
  int8_t* codes;   // [tokens, columns]
  float* scales;   // [tokens, columns / 32]
  float* sums;     // [tokens, columns / 32], scale * (sum of q)
  int32_t* totals; // [tokens, columns / 32], sum of q
};

struct quantize_rows_params {
  const float* input; // [tokens, columns]
  quantized_rows output;
  int32_t tokens, columns; // columns: a multiple of 32
};

/// Errors: shape_mismatch.
status quantize_rows(const quantize_rows_params& params, const cpu_stream& stream);

} // namespace troupe
