#pragma once

#include "base/result.hpp"
#include "kernels/cpu/weight_arena.hpp"
#include "kernels/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace troupe {

/// How weights are stored. Quantized blocks hold 32 columns of one row; d and m are fp16:
/// q8_0: d, 32 int8 q, w = d * q; q4_0: d, 16 bytes, w = d * (q - 8); q4_1: d, m, 16 bytes, w = d * q + m;
/// of the 16 bytes, byte i holds columns i (low nibble) and i + 16 (high nibble). Source: ggml's block
/// formats.
enum class weight_format { f32, f16, bf16, q8_0, q4_0, q4_1 };

std::string_view to_string(weight_format format);

/// Columns of one block.
inline constexpr int32_t block_columns = 32;

/// Rows that vector lanes hold side by side.
inline constexpr int32_t tile_rows = 16;

constexpr bool is_quantized(weight_format format) {
  return format >= weight_format::q8_0;
}

/// A weight matrix [rows, columns] repacked into tiles of 16 rows so that lanes are rows. Rows are padded
/// with zeros to whole tiles. A tile is, 64-byte aligned:
///   f32, f16, bf16: elements [columns, 16];
///   q8_0: codes [blocks, 8, 16 rows, 4 columns] of q + 128 as uint8, then d [blocks, 16] in fp16;
///   q4_0, q4_1: codes [blocks, 4, 16 rows, 4 bytes], byte i of vector v as byte 4v + i of the source block;
///               then d [blocks, 16], then (q4_1) m [blocks, 16] in fp16.
class packed_matrix {
public:
  packed_matrix() = default;

  /// source: rows one after another as the format stores them, source.size() as shape and format say.
  /// Without an arena the matrix has memory of its own. Errors: shape_mismatch.
  static result<packed_matrix> pack(weight_format format, int32_t rows, int32_t columns,
                                    std::span<const std::byte> source, weight_arena* arena = nullptr);

  /// Whether a matrix of this shape can come from so many bytes. Errors: shape_mismatch.
  static status check(weight_format format, int32_t rows, int32_t columns, size_t source_bytes);

  /// What a matrix of this shape takes from an arena.
  static size_t packed_bytes(weight_format format, int32_t rows, int32_t columns);

  weight_format format() const { return format_; }
  int32_t rows() const { return rows_; }
  int32_t columns() const { return columns_; }
  int32_t tiles() const { return (rows_ + tile_rows - 1) / tile_rows; }
  int32_t blocks() const { return columns_ / block_columns; }
  size_t bytes() const { return static_cast<size_t>(tiles()) * tile_bytes_; }

  const std::byte* tile(int32_t index) const {
    return data_.get() + static_cast<size_t>(index) * tile_bytes_;
  }
  size_t tile_bytes() const { return tile_bytes_; }

  /// Row `index` in fp32, [columns]; q4_1 as fma(q, d, m), the other formats as one product.
  void dequantize_row(int32_t index, float* output) const;

private:
  weight_format format_ = weight_format::f32;
  int32_t rows_ = 0, columns_ = 0;
  size_t tile_bytes_ = 0;
  std::shared_ptr<std::byte> data_;
};

/// Bytes of one row as the file stores it.
size_t source_row_bytes(weight_format format, int32_t columns);

} // namespace troupe
