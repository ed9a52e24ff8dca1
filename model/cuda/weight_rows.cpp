#include "model/cuda/weight_rows.hpp"

#include "base/check.hpp"
#include "kernels/cpu/packed_matrix.hpp"
#include "kernels/float16.hpp"
#include "model/llama_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace troupe {

namespace {

using cuda::cell_rows;

constexpr int32_t columns_multiple = 64; // of a packed row

int32_t rows_of(const tensor_view& tensor) {
  return tensor.shape.size() > 1 ? static_cast<int32_t>(tensor.shape[1]) : 1;
}

int32_t columns_of(const tensor_view& tensor) {
  return static_cast<int32_t>(tensor.shape[0]);
}

size_t file_row_bytes(const tensor_view& tensor) {
  return tensor.data.size() / static_cast<size_t>(rows_of(tensor));
}

const std::byte* file_row(const tensor_view& tensor, int32_t row) {
  return tensor.data.data() + static_cast<size_t>(row) * file_row_bytes(tensor);
}

/// As which packed format a tensor can go, or bf16_rows.
cuda::weight_format packed_as(const tensor_view& tensor) {
  if (rows_of(tensor) % cell_rows != 0 || columns_of(tensor) % columns_multiple != 0)
    return cuda::weight_format::bf16_rows;
  switch (tensor.type) {
  case tensor_type::q4_0:
  case tensor_type::q4_1:
    return cuda::weight_format::q4_1;
  case tensor_type::q8_0:
    return cuda::weight_format::q8_0;
  default:
    return cuda::weight_format::bf16_rows;
  }
}

/// d (q - 8) as d q + m: scaling by 8 is exact, so no value changes.
void write_q4_0_as_q4_1(const std::byte* blocks, int32_t columns, std::byte* out) {
  const auto from_bytes = layout_of(tensor_type::q4_0).bytes, to_bytes = layout_of(tensor_type::q4_1).bytes;
  for (int32_t i = 0; i < columns / block_columns; ++i, blocks += from_bytes, out += to_bytes) {
    uint16_t scale;
    std::memcpy(&scale, blocks, sizeof scale);
    const uint16_t minimum = float_to_half(-8.0f * half_to_float(scale));
    std::memcpy(out, &scale, sizeof scale);
    std::memcpy(out + sizeof scale, &minimum, sizeof minimum);
    std::memcpy(out + 2 * sizeof scale, blocks + sizeof scale, from_bytes - sizeof scale);
  }
}

/// To nearest even; NaN stays NaN.
uint16_t to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value))
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

} // namespace

weight_rows::weight_rows(std::vector<const tensor_view*> parts, order how)
    : parts_(std::move(parts)), order_(how), columns_(columns_of(*parts_.front())),
      format_(packed_as(*parts_.front())) {
  for (const auto* part : parts_) {
    rows_ += rows_of(*part);
    if (packed_as(*part) != format_)
      format_ = cuda::weight_format::bf16_rows;
  }
  TROUPE_CHECK(how == order::one_after_another ||
                   (parts_.size() == 2 && rows_of(*parts_[0]) == rows_of(*parts_[1]) &&
                    rows_of(*parts_[0]) % cell_rows == 0),
               "tensors that cannot take turns");
  const auto wide = static_cast<size_t>(columns_);
  row_bytes_ = format_ == cuda::weight_format::bf16_rows
                   ? wide * sizeof(uint16_t)
                   : wide / static_cast<size_t>(cuda::gguf_block_weights(format_)) *
                         static_cast<size_t>(cuda::gguf_block_bytes(format_));
}

size_t weight_rows::device_bytes() const {
  if (format_ == cuda::weight_format::bf16_rows)
    return static_cast<size_t>(rows_) * row_bytes_;
  return cuda::packed_bytes(format_, rows_, columns_);
}

size_t weight_rows::file_bytes() const {
  size_t sum = 0;
  for (const auto* part : parts_)
    sum += part->data.size();
  return sum;
}

void weight_rows::write_row(int32_t row, std::byte* out) const {
  size_t part = 0;
  if (order_ == order::in_turns) {
    const auto turn = row / cell_rows;
    part = static_cast<size_t>(turn % 2);
    row = turn / 2 * cell_rows + row % cell_rows;
  } else {
    for (; row >= rows_of(*parts_[part]); ++part)
      row -= rows_of(*parts_[part]);
  }
  const auto& tensor = *parts_[part];
  if (format_ == cuda::weight_format::bf16_rows && tensor.type != tensor_type::bf16) {
    const auto values = widen_row(tensor, row);
    auto* halves = reinterpret_cast<uint16_t*>(out);
    std::transform(values.begin(), values.end(), halves, to_bf16);
  } else if (tensor.type == tensor_type::q4_0) {
    write_q4_0_as_q4_1(file_row(tensor, row), columns_, out);
  } else {
    std::memcpy(out, file_row(tensor, row), row_bytes_);
  }
}

std::vector<float> widen_row(const tensor_view& tensor, int32_t row) {
  const auto columns = columns_of(tensor);
  const auto packed = packed_matrix::pack(format_of(tensor.type), 1, columns,
                                          {file_row(tensor, row), file_row_bytes(tensor)});
  TROUPE_CHECK(packed.has_value(), packed.error().message);
  std::vector<float> out(static_cast<size_t>(columns));
  packed->dequantize_row(0, out.data());
  return out;
}

} // namespace troupe
