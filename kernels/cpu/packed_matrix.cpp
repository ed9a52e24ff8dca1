#include "kernels/cpu/packed_matrix.hpp"

#include "kernels/cpu/source_blocks.hpp"
#include "kernels/cpu/tile_layout.hpp"
#include "kernels/float16.hpp"

#include <cstring>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr size_t half_bytes = 2;

size_t element_bytes(weight_format format) {
  return format == weight_format::f32 ? 4 : 2;
}

size_t round_up(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

size_t tile_bytes_of(weight_format format, int32_t columns) {
  const auto wide = static_cast<size_t>(columns);
  if (!is_quantized(format))
    return round_up(wide * tile_rows * element_bytes(format), 64);
  return round_up(tile_layout{format, columns / block_columns}.bytes(), 64);
}

void pack_elements(const std::byte* row, size_t lane, int32_t columns, size_t size, std::byte* tile) {
  for (size_t k = 0; k < static_cast<size_t>(columns); ++k)
    std::memcpy(tile + (k * tile_rows + lane) * size, row + k * size, size);
}

/// Columns per group that rows must be whole multiples of.
int32_t group_columns(weight_format format) {
  return block_columns * group_blocks(format);
}

/// q8_0, q4_0 and q4_1, whose codes lie in the file as in the tile.
void pack_plain_blocks(const tile_layout& layout, const std::byte* row, size_t lane, std::byte* tile) {
  const bool minimum = layout.traits().minimum;
  const size_t row_codes = layout.code_bytes() / tile_rows; // bytes of one block of one row
  const size_t header_bytes = minimum ? 2 * half_bytes : half_bytes;
  const auto flip =
      layout.format == weight_format::q8_0 ? std::byte{0x80} : std::byte{0}; // int8 + 128 as uint8
  for (size_t b = 0; b < static_cast<size_t>(layout.blocks); ++b) {
    const auto* block = row + b * (header_bytes + row_codes);
    std::memcpy(tile + layout.scales() + (b * tile_rows + lane) * half_bytes, block, half_bytes);
    if (minimum)
      std::memcpy(tile + layout.minimums() + (b * tile_rows + lane) * half_bytes, block + half_bytes,
                  half_bytes);
    auto* codes = tile + b * layout.code_bytes();
    for (size_t i = 0; i < row_codes; ++i)
      codes[i / 4 * 64 + lane * 4 + i % 4] = block[header_bytes + i] ^ flip;
  }
}

/// Writes the codes of one row, of 4 to 6 bits.
void pack_codes(const source_block& block, int32_t bits, size_t lane, std::byte* codes) {
  uint8_t lower[16], upper[8] = {};
  for (size_t i = 0; i < 16; ++i)
    lower[i] = static_cast<uint8_t>((block.codes[i] & 15u) | (block.codes[i + 16] & 15u) << 4);
  for (size_t vector = 0; vector < 4; ++vector)
    std::memcpy(codes + vector * 64 + lane * 4, lower + vector * 4, 4);
  if (bits == 4)
    return;
  const size_t each = bits == 5 ? 8 : 4; // vectors whose upper bits share a byte
  for (size_t i = 0; i < 32; ++i) {
    const size_t vector = i / 4, shift = vector % each * static_cast<size_t>(bits - 4);
    auto& byte = upper[vector / each * 4 + i % 4];
    byte = static_cast<uint8_t>(byte | (block.codes[i] >> 4) << shift);
  }
  for (size_t at = 0; at < 8 / each; ++at)
    std::memcpy(codes + 256 + at * 64 + lane * 4, upper + at * 4, 4);
}

/// Any format of codes of at most 6 bits.
void pack_blocks(const tile_layout& layout, const std::byte* row, size_t lane, std::byte* tile) {
  const auto traits = layout.traits();
  const auto each = static_cast<size_t>(group_blocks(layout.format));
  const auto parts = static_cast<size_t>(traits.parts);
  for (size_t b = 0; b < static_cast<size_t>(layout.blocks); ++b) {
    const auto block = read_block(layout.format, row, b);
    pack_codes(block, traits.bits, lane, tile + b * layout.code_bytes());
    const size_t at = b / each * tile_rows + lane;
    std::memcpy(tile + layout.scales() + at * half_bytes, &block.scale, half_bytes);
    if (traits.minimum)
      std::memcpy(tile + layout.minimums() + at * half_bytes, &block.minimum, half_bytes);
    for (size_t i = 0; each > 1 && i < parts; ++i) {
      const size_t factor = (b * parts + i) * tile_rows + lane;
      tile[layout.factors() + factor] = static_cast<std::byte>(block.factors[i]);
      if (traits.minimum)
        tile[layout.minimum_factors() + factor] = static_cast<std::byte>(block.minimum_factors[i]);
    }
  }
}

uint16_t half_at(const std::byte* data) {
  uint16_t value = 0;
  std::memcpy(&value, data, sizeof value);
  return value;
}

/// One row's scales and minimums, with the factors of the K formats.
class tile_row {
public:
  tile_row(const tile_layout& layout, const std::byte* tile, size_t lane)
      : layout_(layout), traits_(layout.traits()), tile_(tile), lane_(lane) {}

  float scale(size_t block, size_t part) const {
    return number(layout_.scales(), block) * factor(layout_.factors(), block, part, traits_.is_signed);
  }
  float minimum(size_t block, size_t part) const {
    return number(layout_.minimums(), block) * factor(layout_.minimum_factors(), block, part, false);
  }

private:
  float number(size_t from, size_t block) const {
    const auto group = block / static_cast<size_t>(group_blocks(layout_.format));
    return half_to_float(half_at(tile_ + from + (group * tile_rows + lane_) * half_bytes));
  }
  float factor(size_t from, size_t block, size_t part, bool is_signed) const {
    if (group_blocks(layout_.format) == 1)
      return 1.0f;
    const auto at = (block * static_cast<size_t>(traits_.parts) + part) * tile_rows + lane_;
    const auto byte = static_cast<uint8_t>(tile_[from + at]);
    return is_signed ? static_cast<float>(static_cast<int8_t>(byte)) : static_cast<float>(byte);
  }

  tile_layout layout_;
  tile_traits traits_;
  const std::byte* tile_;
  size_t lane_;
};

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
  case weight_format::q5_0:
    return "q5_0";
  case weight_format::q5_1:
    return "q5_1";
  case weight_format::iq4_nl:
    return "iq4_nl";
  case weight_format::q2_k:
    return "q2_k";
  case weight_format::q3_k:
    return "q3_k";
  case weight_format::q4_k:
    return "q4_k";
  case weight_format::q5_k:
    return "q5_k";
  case weight_format::q6_k:
    return "q6_k";
  }
  return "unknown";
}

size_t source_row_bytes(weight_format format, int32_t columns) {
  if (!is_quantized(format))
    return static_cast<size_t>(columns) * element_bytes(format);
  return static_cast<size_t>(columns / group_columns(format)) * source_group_bytes(format);
}

size_t packed_matrix::packed_bytes(weight_format format, int32_t rows, int32_t columns) {
  return static_cast<size_t>((rows + tile_rows - 1) / tile_rows) * tile_bytes_of(format, columns);
}

status packed_matrix::check(weight_format format, int32_t rows, int32_t columns, size_t source_bytes) {
  if (rows < 1 || columns < 1)
    return failure(kernel_error::shape_mismatch,
                   fmt::format("rows, columns: expected 1 or more, got {} x {}", rows, columns));
  if (is_quantized(format) && columns % group_columns(format) != 0)
    return failure(kernel_error::shape_mismatch,
                   fmt::format("columns: expected a multiple of {} for {}, got {}", group_columns(format),
                               to_string(format), columns));
  const size_t row_bytes = source_row_bytes(format, columns);
  if (source_bytes != row_bytes * static_cast<size_t>(rows))
    return failure(kernel_error::shape_mismatch,
                   fmt::format("source bytes: expected {}, got {}", row_bytes * static_cast<size_t>(rows),
                               source_bytes));
  return {};
}

result<packed_matrix> packed_matrix::pack(weight_format format, int32_t rows, int32_t columns,
                                          std::span<const std::byte> source, weight_arena* arena,
                                          int32_t paired) {
  if (auto checked = check(format, rows, columns, source.size()); !checked)
    return forward_error(checked);
  if (paired < 0 || paired % 2 != 0 || (paired > 0 && rows % paired != 0))
    return failure(kernel_error::shape_mismatch,
                   fmt::format("paired: expected an even number that divides {} rows, got {}", rows, paired));
  const size_t row_bytes = source_row_bytes(format, columns);
  packed_matrix out;
  out.format_ = format;
  out.rows_ = rows;
  out.columns_ = columns;
  out.tile_bytes_ = tile_bytes_of(format, columns);
  out.data_ = arena != nullptr ? arena->take(out.bytes()) : weight_arena(out.bytes()).take(out.bytes());
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
    auto* tile = out.data_.get() + r / tile_rows * out.tile_bytes_;
    const auto* row =
        source.data() + static_cast<size_t>(source_row(static_cast<int32_t>(r), paired)) * row_bytes;
    const tile_layout layout{format, out.blocks()};
    if (format == weight_format::q8_0 || format == weight_format::q4_0 || format == weight_format::q4_1)
      pack_plain_blocks(layout, row, r % tile_rows, tile);
    else if (is_quantized(format))
      pack_blocks(layout, row, r % tile_rows, tile);
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
  const tile_layout layout{format_, blocks()};
  const auto traits = layout.traits();
  const tile_row row(layout, base, lane);
  for (size_t k = 0; k < columns; k += 16) {
    const size_t b = k / block_columns, part = traits.parts == 1 ? 0 : k / 16 % 2;
    const float d = row.scale(b, part), m = traits.minimum ? row.minimum(b, part) : 0.0f;
    for (size_t i = k % block_columns; i < k % block_columns + 16; ++i) {
      const auto code = static_cast<int>(tile_code(base + b * layout.code_bytes(), traits.bits, lane, i));
      const int q = format_ == weight_format::iq4_nl ? iq4_nl_levels[code] : code - traits.zero;
      const float product = d * static_cast<float>(q);
      output[b * block_columns + i] = traits.minimum ? product + m : product;
    }
  }
}

} // namespace troupe
