#pragma once

#include "base/result.hpp"
#include "kernels/cpu/weight_arena.hpp"
#include "kernels/cpu/weight_format.hpp"
#include "kernels/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe {

/// Rows that vector lanes hold side by side.
inline constexpr int32_t tile_rows = 16;

/// A weight matrix [rows, columns] repacked into tiles of 16 rows so that lanes are rows. Rows are padded
/// with zeros to whole tiles. A tile is, 64-byte aligned:
///   f32, f16, bf16: elements [columns, 16];
///   q8_0: codes [blocks, 8, 16 rows, 4 columns] of q + 128 as uint8;
///   else: codes [blocks, 4, 16 rows, 4 columns], of columns i (low four bits) and i + 16 (high four bits);
///         q5_*, q6_k: in each block then their upper bits, one or two, of vector v at bit v or 2 (v mod 4)
///         of byte (row, column mod 4) in [1 or 2, 16 rows, 4];
///   then d [groups, 16], then m [groups, 16] in fp16 where the format has it; groups are blocks, in the K
///   formats eights of them; K formats: then sc [blocks, parts, 16], then n likewise, in a byte each.
/// So a tile of a format takes what the file takes, but q3_k 1.33 and q2_k 1.95 times as much.
class packed_matrix {
public:
  packed_matrix() = default;

  /// source: rows one after another as the format stores them, source.size() as shape and format say.
  /// Without an arena the matrix has memory of its own. Where `paired` is not 0, the halves of each stretch
  /// of so many rows alternate: its row 2i comes from i, its row 2i + 1 from i + paired / 2. Errors:
  /// shape_mismatch.
  static result<packed_matrix> pack(weight_format format, int32_t rows, int32_t columns,
                                    std::span<const std::byte> source, weight_arena* arena = nullptr,
                                    int32_t paired = 0);

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

  /// Row `index` in fp32, [columns]: w as weight_format has it. Products are exact in fp32, so there is one
  /// rounding, in the sum with a minimum.
  void dequantize_row(int32_t index, float* output) const;

private:
  weight_format format_ = weight_format::f32;
  int32_t rows_ = 0, columns_ = 0;
  size_t tile_bytes_ = 0;
  std::shared_ptr<std::byte> data_;
};

/// Where row `row` of a matrix comes from, as packed_matrix::pack has it.
constexpr int32_t source_row(int32_t row, int32_t paired) {
  if (paired == 0)
    return row;
  const auto at = row % paired;
  return row - at + at / 2 + at % 2 * (paired / 2);
}

/// Bytes of one row as the file stores it.
size_t source_row_bytes(weight_format format, int32_t columns);

} // namespace troupe
