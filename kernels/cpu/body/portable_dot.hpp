#pragma once

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/tile_layout.hpp"
#include "kernels/float16.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Quantized products in plain C++: the definition that the vector paths reproduce bit by bit.
namespace troupe {
namespace {

/// Exact integer product of `Count` columns, from `first` on, of one block of one row with their activation
/// codes.
template <weight_format Format, size_t Count>
int32_t block_product(const std::byte* codes, size_t lane, const int8_t* x, size_t first) {
  constexpr auto traits = traits_of(Format);
  int32_t sum = 0;
  for (size_t i = first; i < first + Count; ++i) {
    const auto code = static_cast<int32_t>(tile_code(codes, traits.bits, lane, i));
    const auto weight = Format == weight_format::iq4_nl ? iq4_nl_levels[code] : code - traits.zero;
    sum += weight * (16 * x[i] + x[i + 32]);
  }
  return sum;
}

inline float half_number(const std::byte* base, size_t index) {
  uint16_t value;
  std::memcpy(&value, base + 2 * index, sizeof value);
  return half_to_float(value);
}

/// Scale (or minimum) of one part of a block: fp16, in the K formats times a small integer.
template <weight_format Format, bool Signed>
float part_number(const std::byte* numbers, const std::byte* factors, size_t block, size_t part,
                  size_t lane) {
  constexpr auto each = static_cast<size_t>(group_blocks(Format));
  const float number = half_number(numbers, block / each * 16 + lane);
  if constexpr (each == 1)
    return number;
  const auto byte = static_cast<uint8_t>(
      factors[(block * static_cast<size_t>(traits_of(Format).parts) + part) * 16 + lane]);
  return number * (Signed ? static_cast<float>(static_cast<int8_t>(byte)) : static_cast<float>(byte));
}

template <weight_format Format>
float row_product(const std::byte* tile, const tile_layout& layout, size_t lane, const linear_task& task,
                  size_t token) {
  constexpr auto traits = traits_of(Format);
  constexpr size_t parts = traits.parts, columns = 32 / parts;
  float sum = 0.0f;
  for (size_t b = 0; b < static_cast<size_t>(layout.blocks); ++b) {
    const size_t index = b * static_cast<size_t>(task.codes.stride) + token;
    const auto* x = task.codes.codes + index * code_block_bytes;
    const float x_scale = task.codes.scales[index];
    for (size_t part = 0; part < parts; ++part) {
      const auto product =
          block_product<Format, columns>(tile + b * layout.code_bytes(), lane, x, part * columns);
      const float scale = part_number<Format, traits.is_signed>(tile + layout.scales(),
                                                                tile + layout.factors(), b, part, lane);
      sum = std::fma(static_cast<float>(product), scale * x_scale, sum);
      if constexpr (traits.minimum) {
        const float minimum = part_number<Format, false>(tile + layout.minimums(),
                                                         tile + layout.minimum_factors(), b, part, lane);
        const auto first = task.codes.first_totals[index];
        const auto total = part == 0 ? first : task.codes.totals[index] - first;
        sum =
            std::fma(minimum, parts == 1 ? task.codes.sums[index] : x_scale * static_cast<float>(total), sum);
      }
    }
  }
  return sum;
}

template <weight_format Format>
void portable_dot(const linear_task& task) {
  const tile_layout layout{Format, task.blocks};
  for (auto tile = task.tile_begin; tile < task.tile_end; ++tile) {
    const auto* base = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
    for (int32_t token = 0; token < task.tokens; ++token)
      for (int32_t lane = 0; lane < 16 && tile * 16 + lane < task.rows; ++lane) {
        float* out = task.output + static_cast<size_t>(token) * static_cast<size_t>(task.rows) +
                     static_cast<size_t>(tile) * 16 + static_cast<size_t>(lane);
        const float sum =
            row_product<Format>(base, layout, static_cast<size_t>(lane), task, static_cast<size_t>(token));
        *out = task.add ? *out + sum : sum;
      }
  }
}

} // namespace
} // namespace troupe
