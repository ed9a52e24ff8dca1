#pragma once

#include "kernels/cuda/bf16.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe::cuda {

/// How a weight matrix lies on the device. Quantized ones stay packed; a weight's value is its block's fp32
/// value rounded once to bf16 (kernels/cuda/quantized_cell.cuh), so that every product follows linear.hpp.
enum class weight_format : int32_t {
  bf16_rows, // [n, k]
  q4_1,      // value = d q + m
  q4_k,      // value = d s q - e t, s and t of 6 bits
  q8_0       // value = d q
};

/// A weight [n, k] as a step passes it on.
struct weight_matrix {
  const void* data = nullptr;
  weight_format format = weight_format::bf16_rows;

  weight_matrix() = default;
  weight_matrix(const bf16* rows) : data(rows) {}
  weight_matrix(const void* packed, weight_format of) : data(packed), format(of) {}

  const bf16* rows() const { return static_cast<const bf16*>(data); }
};

/// A quantized matrix is packed as [n / 8][k / 256, rounded up] cells: 8 rows times 256 columns, each with
/// its scales, zeros past k.
inline constexpr int32_t cell_rows = 8;
inline constexpr int32_t cell_columns = 256;

/// Bytes of a cell: weights, then scales. GGUF has 1,280, 1,152 and 2,176 for as many weights.
constexpr int32_t cell_bytes(weight_format format) {
  return format == weight_format::q4_1   ? 1024 + 256
         : format == weight_format::q4_k ? 1024 + 128 + 32
                                         : 2048 + 128;
}

constexpr int32_t cells_of(int32_t k) {
  return (k + cell_columns - 1) / cell_columns;
}

constexpr size_t packed_bytes(weight_format format, int32_t n, int32_t k) {
  return static_cast<size_t>(n / cell_rows) * static_cast<size_t>(cells_of(k)) *
         static_cast<size_t>(cell_bytes(format));
}

/// Weights and bytes of a block in a GGUF file.
constexpr int32_t gguf_block_weights(weight_format format) {
  return format == weight_format::q4_k ? 256 : 32;
}

constexpr int32_t gguf_block_bytes(weight_format format) {
  return format == weight_format::q4_1 ? 20 : format == weight_format::q4_k ? 144 : 34;
}

} // namespace troupe::cuda
