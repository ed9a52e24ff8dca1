#include "kernels/cpu/packed_matrix.hpp"

#include "kernels/cpu/tile_layout.hpp"
#include "kernels/float16.hpp"

#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr size_t half_bytes = 2;

size_t element_bytes(weight_format format) {
  return format == weight_format::f32 ? 4 : 2;
}

/// Bytes of one block in the file: fp16 numbers first, then codes.
size_t header_bytes(weight_format format) {
  return format == weight_format::q4_1 ? 2 * half_bytes : half_bytes;
}

int32_t code_bytes(weight_format format) {
  return format == weight_format::q8_0 ? 512 : 256;
}

size_t round_up(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

size_t tile_bytes_of(weight_format format, int32_t columns) {
  const auto wide = static_cast<size_t>(columns);
  if (!is_quantized(format))
    return round_up(wide * tile_rows * element_bytes(format), 64);
  const tile_layout layout{columns / block_columns, code_bytes(format)};
  const size_t scale_bytes = static_cast<size_t>(layout.blocks) * tile_rows * half_bytes;
  return round_up(layout.scales() + scale_bytes * (format == weight_format::q4_1 ? 2 : 1), 64);
}

void pack_elements(const std::byte* row, size_t lane, int32_t columns, size_t size, std::byte* tile) {
  for (size_t k = 0; k < static_cast<size_t>(columns); ++k)
    std::memcpy(tile + (k * tile_rows + lane) * size, row + k * size, size);
}

void pack_blocks(weight_format format, const std::byte* row, size_t lane, int32_t columns, std::byte* tile) {
  const tile_layout layout{columns / block_columns, code_bytes(format)};
  const size_t row_codes =
      static_cast<size_t>(layout.code_bytes) / tile_rows; // bytes of one block of one row
  const size_t block_bytes = header_bytes(format) + row_codes;
  const auto flip = format == weight_format::q8_0 ? std::byte{0x80} : std::byte{0}; // int8 + 128 as uint8
  for (size_t b = 0; b < static_cast<size_t>(layout.blocks); ++b) {
    const auto* block = row + b * block_bytes;
    std::memcpy(tile + layout.scales() + (b * tile_rows + lane) * half_bytes, block, half_bytes);
    if (format == weight_format::q4_1)
      std::memcpy(tile + layout.minimums() + (b * tile_rows + lane) * half_bytes, block + half_bytes,
                  half_bytes);
    auto* codes = tile + b * static_cast<size_t>(layout.code_bytes);
    for (size_t i = 0; i < row_codes; ++i)
      codes[i / 4 * 64 + lane * 4 + i % 4] = block[header_bytes(format) + i] ^ flip;
  }
}

uint16_t half_at(const std::byte* data) {
  uint16_t value = 0;
  std::memcpy(&value, data, sizeof value);
  return value;
}

} // namespace

std::string_view to_string(weight_format format) {
  switch (format) {
  case weight_format::f32:
    return "f32";
  case weight_format::f16:
    return "f16";
  case weight_format::bf16:
    return "bf16";
  case weight_format::q8_0:
    return "q8_0";
  case weight_format::q4_0:
    return "q4_0";
  case weight_format::q4_1:
    return "q4_1";
  }
  return "unknown";
}

size_t source_row_bytes(weight_format format, int32_t columns) {
  if (!is_quantized(format))
    return static_cast<size_t>(columns) * element_bytes(format);
  return static_cast<size_t>(columns / block_columns) *
         (header_bytes(format) + static_cast<size_t>(code_bytes(format)) / tile_rows);
}

size_t packed_matrix::packed_bytes(weight_format format, int32_t rows, int32_t columns) {
  return static_cast<size_t>((rows + tile_rows - 1) / tile_rows) * tile_bytes_of(format, columns);
}

status packed_matrix::check(weight_format format, int32_t rows, int32_t columns, size_t source_bytes) {
  if (rows < 1 || columns < 1)
    return failure(kernel_error::shape_mismatch,
                   fmt::format("rows, columns: expected 1 or more, got {} x {}", rows, columns));
  if (is_quantized(format) && columns % block_columns != 0)
    return failure(kernel_error::shape_mismatch,
                   fmt::format("columns: expected a multiple of {} for {}, got {}", block_columns,
                               to_string(format), columns));
  const size_t row_bytes = source_row_bytes(format, columns);
  if (source_bytes != row_bytes * static_cast<size_t>(rows))
    return failure(kernel_error::shape_mismatch,
                   fmt::format("source bytes: expected {}, got {}", row_bytes * static_cast<size_t>(rows),
                               source_bytes));
  return {};
}

result<packed_matrix> packed_matrix::pack(weight_format format, int32_t rows, int32_t columns,
                                          std::span<const std::byte> source, weight_arena* arena) {
  if (auto checked = check(format, rows, columns, source.size()); !checked)
    return forward_error(checked);
  const size_t row_bytes = source_row_bytes(format, columns);
  packed_matrix out;
  out.format_ = format;
  out.rows_ = rows;
  out.columns_ = columns;
  out.tile_bytes_ = tile_bytes_of(format, columns);
  out.data_ = arena != nullptr ? arena->take(out.bytes()) : weight_arena(out.bytes()).take(out.bytes());
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
    auto* tile = out.data_.get() + r / tile_rows * out.tile_bytes_;
    const auto* row = source.data() + r * row_bytes;
    if (is_quantized(format))
      pack_blocks(format, row, r % tile_rows, columns, tile);
    else
      pack_elements(row, r % tile_rows, columns, element_bytes(format), tile);
  }
  return out;
}

void packed_matrix::dequantize_row(int32_t index, float* output) const {
  const auto* base = tile(index / tile_rows);
  const auto lane = static_cast<size_t>(index % tile_rows);
  const auto columns = static_cast<size_t>(columns_);
  if (!is_quantized(format_)) {
    for (size_t k = 0; k < columns; ++k) {
      const auto* element = base + (k * tile_rows + lane) * element_bytes(format_);
      if (format_ == weight_format::f32)
        std::memcpy(output + k, element, sizeof(float));
      else
        output[k] = format_ == weight_format::f16 ? half_to_float(half_at(element))
                                                  : bfloat_to_float(half_at(element));
    }
    return;
  }
  const tile_layout layout{blocks(), code_bytes(format_)};
  for (size_t k = 0; k < columns; ++k) {
    const size_t b = k / block_columns, i = k % block_columns;
    const float d = half_to_float(half_at(base + layout.scales() + (b * tile_rows + lane) * half_bytes));
    const auto* codes = base + b * static_cast<size_t>(layout.code_bytes) + lane * 4;
    if (format_ == weight_format::q8_0) {
      output[k] = d * static_cast<float>(static_cast<int>(codes[i / 4 * 64 + i % 4]) - 128);
      continue;
    }
    const auto byte = static_cast<unsigned>(codes[i % 16 / 4 * 64 + i % 4]);
    const auto q = static_cast<int>(i < 16 ? byte & 15u : byte >> 4);
    if (format_ == weight_format::q4_0)
      output[k] = d * static_cast<float>(q - 8);
    else
      output[k] =
          std::fma(static_cast<float>(q), d,
                   half_to_float(half_at(base + layout.minimums() + (b * tile_rows + lane) * half_bytes)));
  }
}

} // namespace troupe
