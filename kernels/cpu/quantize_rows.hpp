#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>

namespace troupe {

/// Activations as the quantized products want them, block by block of 32 columns of one row:
///   amax = largest magnitude; q = round to nearest even(x * (127 / amax)); scale = amax / 127;
///   amax below 2^-100: q = 0, scale = 0; an infinity or NaN in the block: q = 0, scale = NaN.
struct quantized_rows {
  int8_t* codes;   // [columns / 32, stride, 32]: a block of every token, then the next block
  float* scales;   // [columns / 32, stride]
  float* sums;     // [columns / 32, stride], scale * (sum of q)
  int32_t* totals; // [columns / 32, stride], sum of q
  int32_t stride;  // at least the tokens of the operation
};

struct quantize_rows_params {
  const float* input; // [tokens, columns]
  quantized_rows output;
  int32_t tokens, columns; // columns: a multiple of 32
};

/// Errors: shape_mismatch.
status quantize_rows(const quantize_rows_params& params, const cpu_stream& stream);

} // namespace troupe
