#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

/// Activations as the quantized products want them, block by block of 32 columns of one row:
///   amax = largest magnitude; q = round to nearest even(x * (2032 / amax)); scale = amax / 2032;
///   amax below 2^-100: q = 0, scale = 0; an infinity or NaN in the block: q = 0, scale = NaN.
/// A code of 12 bits is kept as two int8: q = 16 * high + low, high in [-127, 127], low in [-8, 7]. A block's
/// product with 32 weights of 8 bits stays below 2^24, exact in int32 and in fp32.
struct quantized_rows {
  int8_t*
      codes; // [columns / 32, stride, 64]: a block of every token, 32 high then 32 low, then the next block
  float* scales;         // [columns / 32, stride]
  float* sums;           // [columns / 32, stride], scale * (sum of q)
  int32_t* totals;       // [columns / 32, stride], sum of q
  int32_t* first_totals; // as totals, of the first 16 columns: for weights with a scale for each 16
  int32_t stride;        // at least the tokens of the operation
};

/// Bytes of one block of one token in quantized_rows::codes.
inline constexpr size_t code_block_bytes = 64;

struct quantize_rows_params {
  const float* input; // [tokens, columns]
  quantized_rows output;
  int32_t tokens, columns; // columns: a multiple of 32
};

/// Errors: shape_mismatch.
status quantize_rows(const quantize_rows_params& params, const cpu_stream& stream);

} // namespace troupe
