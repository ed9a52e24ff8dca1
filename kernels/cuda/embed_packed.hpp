#pragma once

#include "kernels/cuda/embed.hpp"
#include "kernels/cuda/weight_matrix.hpp"

namespace troupe::cuda {

/// embed() from a packed table: the values that dequantize() gives.
struct embed_packed_params {
  const void* table;                  // packed_bytes(format, vocabulary, hidden)
  weight_format format;               // not bf16_rows
  const int32_t* token;               // [tokens]
  float* output;                      // [tokens, hidden]
  int32_t tokens, hidden, vocabulary; // hidden: as quantized_linear's k; vocabulary: a multiple of 8
};

/// Pointers: table and output 16-byte aligned. Errors: shape_mismatch, launch_failed.
launch_status embed_packed(const embed_packed_params& params, const gpu_stream& stream);

/// From either kind of table [vocabulary, hidden].
launch_status embed_from(const weight_matrix& table, const int32_t* token, float* output, int32_t tokens,
                         int32_t hidden, int32_t vocabulary, const gpu_stream& stream);

} // namespace troupe::cuda
