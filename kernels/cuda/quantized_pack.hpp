#pragma once

#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"
#include "kernels/cuda/weight_matrix.hpp"

namespace troupe::cuda {

/// From a GGUF tensor's bytes to cells, when weights are loaded.
struct pack_params {
  const uint8_t* blocks; // [n, k / gguf_block_weights, gguf_block_bytes]
  void* packed;          // packed_bytes; 16-byte aligned
  weight_format format;  // not bf16_rows
  int32_t n, k;          // n: a multiple of 8; k: of 64, for q4_k of 256
};

/// Errors: shape_mismatch, launch_failed.
launch_status pack_quantized(const pack_params& params, const gpu_stream& stream);

/// From cells to bf16, for products of many rows: the values that quantized_linear() multiplies by.
struct dequantize_params {
  const void* packed;
  bf16* output; // [n, k]; 16-byte aligned
  weight_format format;
  int32_t n, k;
};

/// Errors: shape_mismatch, launch_failed.
launch_status dequantize(const dequantize_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
