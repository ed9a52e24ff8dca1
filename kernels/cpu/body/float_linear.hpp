#pragma once

#include "kernels/cpu/kernel_table.hpp"

#include <cstddef>
#include <cstdint>

/// Products with f32, f16 and bf16 weights, for any lane type.
namespace troupe {
namespace {

template <class Lanes, weight_format Format>
Lanes load_weights(const std::byte* element) {
  if constexpr (Format == weight_format::f32)
    return Lanes::load(reinterpret_cast<const float*>(element));
  else if constexpr (Format == weight_format::f16)
    return Lanes::load_half(reinterpret_cast<const uint16_t*>(element));
  else
    return Lanes::load_bfloat(reinterpret_cast<const uint16_t*>(element));
}

/// output of one tile and one token; the last tile may be narrower than 16 rows.
template <class Lanes>
void store_tile(const linear_task& task, int32_t tile, int32_t token, Lanes sum) {
  float* out = task.output + static_cast<size_t>(token) * static_cast<size_t>(task.rows) +
               static_cast<size_t>(tile) * 16;
  const auto left = task.rows - tile * 16;
  if (left >= 16) {
    (task.add ? Lanes::add(Lanes::load(out), sum) : sum).store(out);
  } else {
    (task.add ? Lanes::add(Lanes::load_first(out, left), sum) : sum).store_first(out, left);
  }
}

/// Tiles x Tokens accumulators, so that the fma chains overlap.
template <class Lanes, weight_format Format, int Tiles, int Tokens>
void float_linear_block(const linear_task& task, int32_t tile, int32_t token) {
  constexpr size_t step = (Format == weight_format::f32 ? 4 : 2) * 16;
  const auto columns = static_cast<size_t>(task.columns);
  const std::byte* weights = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
  const float* x = task.input + static_cast<size_t>(token) * columns;
  Lanes sums[Tiles][Tokens];
  for (auto& row : sums)
    for (auto& sum : row)
      sum = Lanes::broadcast(0.0f);
  for (size_t k = 0; k < columns; ++k) {
    Lanes inputs[Tokens];
    for (int t = 0; t < Tokens; ++t)
      inputs[t] = Lanes::broadcast(x[static_cast<size_t>(t) * columns + k]);
    for (int i = 0; i < Tiles; ++i) {
      const Lanes w =
          load_weights<Lanes, Format>(weights + static_cast<size_t>(i) * task.tile_bytes + k * step);
      for (int t = 0; t < Tokens; ++t)
        sums[i][t] = Lanes::fma(inputs[t], w, sums[i][t]);
    }
  }
  for (int i = 0; i < Tiles; ++i)
    for (int t = 0; t < Tokens; ++t)
      store_tile(task, tile + i, token + t, sums[i][t]);
}

template <class Lanes, weight_format Format, int Tiles>
void float_linear_tiles(const linear_task& task, int32_t tile) {
  int32_t token = 0;
  for (; token + Lanes::linear_tokens <= task.tokens; token += Lanes::linear_tokens)
    float_linear_block<Lanes, Format, Tiles, Lanes::linear_tokens>(task, tile, token);
  for (; token < task.tokens; ++token)
    float_linear_block<Lanes, Format, Tiles, 1>(task, tile, token);
}

template <class Lanes, weight_format Format>
void float_linear(const linear_task& task) {
  auto tile = task.tile_begin;
  for (; tile + Lanes::linear_tiles <= task.tile_end; tile += Lanes::linear_tiles)
    float_linear_tiles<Lanes, Format, Lanes::linear_tiles>(task, tile);
  for (; tile < task.tile_end; ++tile)
    float_linear_tiles<Lanes, Format, 1>(task, tile);
}

} // namespace
} // namespace troupe
