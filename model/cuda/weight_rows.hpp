#pragma once

#include "kernels/cuda/weight_matrix.hpp"
#include "model/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

/// The weight of one of the device's products, row by row as it is sent there: of one tensor, of several one
/// after another, or of two in turns of 8 rows (gate and up).
class weight_rows {
public:
  enum class order { one_after_another, in_turns };

  /// Tensors [rows of each, columns] in a file's order, checked; they outlive this. in_turns: two of one
  /// shape, their rows a multiple of 8.
  explicit weight_rows(std::vector<const tensor_view*> parts, order how = order::one_after_another);

  int32_t rows() const { return rows_; }
  int32_t columns() const { return columns_; }

  /// Packed where the kernels have the format and the shape; Q4_0 goes as Q4_1, whose minimum is then -8 d.
  /// All else becomes bf16, rounded once.
  cuda::weight_format format() const { return format_; }

  /// Of a row as write_row() makes it: GGUF's blocks, or bf16.
  size_t row_bytes() const { return row_bytes_; }

  /// All rows on the device.
  size_t device_bytes() const;

  /// Of the tensors in the file.
  size_t file_bytes() const;

  void write_row(int32_t row, std::byte* out) const;

private:
  std::vector<const tensor_view*> parts_;
  order order_;
  int32_t rows_ = 0, columns_ = 0;
  cuda::weight_format format_;
  size_t row_bytes_ = 0;
};

/// One row in fp32, [columns].
std::vector<float> widen_row(const tensor_view& tensor, int32_t row);

} // namespace troupe
