#pragma once

#include "kernels/cpu/body/avx512_dot.hpp"

#include <immintrin.h>

/// Products of up to 16 tokens with AMX: the high and the low bytes of the activation codes are multiplied
/// apart, by weights as they are, and added as 16 * high + low. Twice the multiplications of amx_dot.hpp, but
/// weights of 8 bits are used where they lie, and those of 4 bits take a third of the unpacking, which is
/// what counts when few tokens share it.
namespace troupe {
namespace {

/// Tile registers: 0 and 1, 2 and 3 products [tokens, 16 rows] int32 of the high and the low bytes; 4, 5
/// activations [tokens, 32], high and low; 6, 7 weights [8 column groups, 16 rows x 4].
struct alignas(64) amx_split_configuration {
  explicit amx_split_configuration(int32_t tokens) {
    for (int i = 0; i < 6; ++i)
      rows[i] = static_cast<uint8_t>(tokens);
  }

  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 32, 32, 64, 64};
  uint8_t rows[16] = {0, 0, 0, 0, 0, 0, 8, 8};
};

/// The products of one block in the tile registers 2 * Which and 2 * Which + 1.
template <int Which>
void amx_split_multiply(const void* weights, const int8_t* x) {
  _tile_loadd(4, x, code_block_bytes);
  _tile_loadd(5, x + 32, code_block_bytes);
  if constexpr (Which == 0) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_loadd(6, weights, 64);
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 5, 6);
  } else {
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(7, weights, 64);
    _tile_dpbsud(2, 4, 7);
    _tile_dpbsud(3, 5, 7);
  }
}

template <int Which>
void amx_split_store(int32_t* products) {
  if constexpr (Which == 0) {
    _tile_stored(0, products, 64);
    _tile_stored(1, products + 256, 64);
  } else {
    _tile_stored(2, products, 64);
    _tile_stored(3, products + 256, 64);
  }
}

/// Tokens tokens, or `count` where Tokens is 0, against one matrix tile, in the pipeline of amx_group.
template <weight_format Format, int Tokens>
class amx_split_group {
public:
  amx_split_group(const linear_task& task, int32_t token, int32_t count)
      : task_(task), token_(token), count_(count) {}

  void run(int32_t tile) {
    base_ = task_.tiles + static_cast<size_t>(tile) * task_.tile_bytes;
    __m512 acc[16];
    each_token([&](int t) { acc[t] = _mm512_setzero_ps(); });
    if constexpr (Format != weight_format::q8_0) {
      unpack<0>(0);
      unpack<1>(1);
    }
    multiply<0>(0);
    multiply<1>(1);
    amx_split_store<0>(products_[0]);
    for (int32_t b = 0; b < task_.blocks; b += 2) {
      multiply<0>(b + 2);
      amx_split_store<1>(products_[1]);
      accumulate(b, products_[0], acc);
      if (b + 1 == task_.blocks)
        break;
      multiply<1>(b + 3);
      amx_split_store<0>(products_[0]);
      accumulate(b + 1, products_[1], acc);
    }
    each_token([&](int t) { store_tile(task_, tile, token_ + t, avx512_lanes{acc[t]}); });
  }

private:
  /// Unrolled where Tokens is known, so that the sums stay in registers.
  template <class Function>
  __attribute__((always_inline)) void each_token(const Function& function) const {
    if constexpr (Tokens > 0) {
#pragma GCC unroll 16
      for (int t = 0; t < Tokens; ++t)
        function(t);
    } else {
      for (int t = 0; t < count_; ++t)
        function(t);
    }
  }

  /// Past the last block the last one is meant, and nobody reads its product.
  size_t block_at(int32_t block) const {
    return static_cast<size_t>(block < task_.blocks ? block : task_.blocks - 1);
  }

  /// Multiplies a block, and unpacks the one that this half of the pipeline takes next: a tile register
  /// waits for bytes that were stored just before.
  template <int Which>
  void multiply(int32_t block) {
    const auto b = block_at(block);
    const auto* x =
        task_.codes.codes +
        (b * static_cast<size_t>(task_.codes.stride) + static_cast<size_t>(token_)) * code_block_bytes;
    prefetch_block<Format>(base_, b);
    if constexpr (Format == weight_format::q8_0) {
      amx_split_multiply<Which>(base_ + b * 512, x);
    } else {
      amx_split_multiply<Which>(unpacked_[Which], x);
      unpack<Which>(block + 2);
    }
  }

  template <int Which>
  void unpack(int32_t block) {
    const auto codes = avx512_codes<Format>::load(base_ + block_at(block) * 256);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
      _mm512_store_si512(unpacked_[Which] + i * 64, codes.v[i]);
  }

  __attribute__((always_inline)) void accumulate(int32_t block, const int32_t* products, __m512 (&acc)[16]) {
    const tile_layout layout{task_.blocks, Format == weight_format::q8_0 ? 512 : 256};
    const auto b = static_cast<size_t>(block);
    const auto scale = tile_numbers(base_ + layout.scales() + b * 32);
    auto minimum = scale;
    if constexpr (Format == weight_format::q4_1)
      minimum = tile_numbers(base_ + layout.minimums() + b * 32);
    const size_t first = b * static_cast<size_t>(task_.codes.stride) + static_cast<size_t>(token_);
    const float* scales = task_.codes.scales + first;
    const float* sums = task_.codes.sums + first;
    const int32_t* totals = task_.codes.totals + first;
    each_token([&](int t) __attribute__((always_inline)) {
      const auto high = _mm512_load_si512(products + t * 16);
      auto product = _mm512_add_epi32(_mm512_slli_epi32(high, 4), _mm512_load_si512(products + 256 + t * 16));
      if constexpr (Format != weight_format::q4_1)
        product = _mm512_add_epi32(product, dot_start<Format>(totals[t]));
      const auto both = _mm512_mul_ps(scale, _mm512_set1_ps(scales[t]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), both, acc[t]);
      if constexpr (Format == weight_format::q4_1)
        acc[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(sums[t]), acc[t]);
    });
  }

  const linear_task& task_;
  const int32_t token_, count_;
  const std::byte* base_ = nullptr;
  alignas(64) int32_t products_[2][512];
  alignas(64) uint8_t unpacked_[2][512];
};

/// The tokens [token, end): groups of 16 of them where Tokens is 16, else all of them, at most 16.
template <weight_format Format, int Tokens>
void amx_split_dot(const linear_task& task, int32_t token, int32_t end) {
  const auto group = Tokens > 0 ? Tokens : end - token;
  const amx_split_configuration configuration(group);
  _tile_loadconfig(&configuration);
  for (auto tile = task.tile_begin; tile < task.tile_end; ++tile)
    for (auto first = token; first < end; first += group)
      amx_split_group<Format, Tokens>(task, first, group).run(tile);
}

} // namespace
} // namespace troupe
