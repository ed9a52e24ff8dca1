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

/// Exact integer product of one block of one row with 32 activation codes.
template <weight_format Format>
int32_t block_product(const std::byte* codes, size_t lane, const int8_t* x) {
  int32_t sum = 0;
  const auto code = [x](size_t i) { return 16 * x[i] + x[i + 32]; };
  if constexpr (Format == weight_format::q8_0) {
    for (size_t i = 0; i < 32; ++i)
      sum += (static_cast<int32_t>(codes[i / 4 * 64 + lane * 4 + i % 4]) - 128) * code(i);
  } else {
    constexpr int32_t zero = Format == weight_format::q4_0 ? 8 : 0;
    for (size_t i = 0; i < 16; ++i) {
      const auto byte = static_cast<int32_t>(codes[i / 4 * 64 + lane * 4 + i % 4]);
      sum += ((byte & 15) - zero) * code(i) + ((byte >> 4) - zero) * code(i + 16);
    }
  }
  return sum;
}

inline float half_number(const std::byte* base, size_t index) {
  uint16_t value;
  std::memcpy(&value, base + 2 * index, sizeof value);
  return half_to_float(value);
}

template <weight_format Format>
float row_product(const std::byte* tile, const tile_layout& layout, size_t lane, const linear_task& task,
                  size_t token) {
  const auto blocks = static_cast<size_t>(layout.blocks);
  float sum = 0.0f;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t index = b * static_cast<size_t>(task.codes.stride) + token;
    const auto product = block_product<Format>(tile + b * static_cast<size_t>(layout.code_bytes), lane,
                                               task.codes.codes + index * code_block_bytes);
    const float scale = half_number(tile + layout.scales(), b * 16 + lane) * task.codes.scales[index];
    sum = std::fma(static_cast<float>(product), scale, sum);
    if constexpr (Format == weight_format::q4_1)
      sum = std::fma(half_number(tile + layout.minimums(), b * 16 + lane), task.codes.sums[index], sum);
  }
  return sum;
}

template <weight_format Format>
void portable_dot(const linear_task& task) {
  const tile_layout layout{task.blocks, Format == weight_format::q8_0 ? 512 : 256};
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
