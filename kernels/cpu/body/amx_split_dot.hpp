#pragma once

#include "kernels/cpu/body/avx512_dot.hpp"

#include <immintrin.h>

/// Products of up to 16 tokens with AMX: the high and the low bytes of the activation codes are multiplied
/// apart, by weights as they are, and added as 16 * high + low. Twice the multiplications of amx_dot.hpp, but
/// weights of 8 bits are used where they lie, and others take a third of the unpacking, which is what counts
/// when few tokens share it. Weights of 5 bits and more, which leave no room for a factor of 16, and those
/// with two scales in a block always come this way.
namespace troupe {
namespace {

/// Tile registers: 0 and 1, 2 and 3 products [tokens, 16 rows] int32 of the high and the low bytes; 4, 5
/// activations [tokens, 32], high and low; 6, 7 weights [8 column groups, 16 rows x 4]. Where a block has two
/// scales its halves are multiplied one after another: 16 columns and 4 groups.
struct alignas(64) amx_split_configuration {
  amx_split_configuration(int32_t tokens, int parts) {
    for (int i = 0; i < 6; ++i)
      rows[i] = static_cast<uint8_t>(tokens);
    row_bytes[4] = row_bytes[5] = static_cast<uint16_t>(32 / parts);
    rows[6] = rows[7] = static_cast<uint8_t>(8 / parts);
  }

  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 32, 32, 64, 64};
  uint8_t rows[16] = {0, 0, 0, 0, 0, 0, 8, 8};
};

/// The products of one block, or half of one, in the tile registers 2 * Which and 2 * Which + 1.
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
    const auto units = task_.blocks * traits.parts;
    for (int32_t unit = 0; unit < units; unit += 2) {
      multiply<0>(unit + 2);
      amx_split_store<1>(products_[1]);
      accumulate<0>(unit, products_[0], acc);
      if (unit + 1 == units)
        break;
      multiply<1>(unit + 3);
      amx_split_store<0>(products_[0]);
      accumulate<1>(unit + 1, products_[1], acc);
    }
    each_token([&](int t) { store_tile(task_, tile, token_ + t, avx512_lanes{acc[t]}); });
  }

private:
  static constexpr tile_traits traits = traits_of(Format);

  /// The half of its block that a unit of parity Which is; 0 where units are whole blocks.
  template <int Which>
  static constexpr int part_of = traits.parts == 2 ? Which : 0;

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

  /// The block of a unit. Past the last block the last one is meant, and nobody reads its product.
  size_t block_at(int32_t unit) const {
    const auto block = unit / traits.parts;
    return static_cast<size_t>(block < task_.blocks ? block : task_.blocks - 1);
  }

  /// Multiplies a unit, a block or half of one, and unpacks the one that this half of the pipeline takes
  /// next: a tile register waits for bytes that were stored just before.
  template <int Which>
  void multiply(int32_t unit) {
    const auto b = block_at(unit);
    const auto* x =
        task_.codes.codes +
        (b * static_cast<size_t>(task_.codes.stride) + static_cast<size_t>(token_)) * code_block_bytes +
        part_of<Which> * 16;
    prefetch_block<Format>(base_, b);
    if constexpr (Format == weight_format::q8_0) {
      amx_split_multiply<Which>(base_ + b * 512, x);
    } else {
      amx_split_multiply<Which>(unpacked_[Which], x);
      unpack<Which>(unit + 2);
    }
  }

  template <int Which>
  void unpack(int32_t unit) {
    constexpr int vectors = 8 / traits.parts;
    const auto codes =
        avx512_codes<Format>::load(base_ + block_at(unit) * tile_layout{Format, 1}.code_bytes());
#pragma GCC unroll 8
    for (int i = 0; i < vectors; ++i)
      _mm512_store_si512(unpacked_[Which] + i * 64, codes.v[part_of<Which> * vectors + i]);
  }

  template <int Which>
  __attribute__((always_inline)) void accumulate(int32_t unit, const int32_t* products, __m512 (&acc)[16]) {
    constexpr int part = part_of<Which>;
    const tile_layout layout{Format, task_.blocks};
    const auto b = block_at(unit);
    const auto scale =
        part_numbers<Format, traits.is_signed, part>(base_ + layout.scales(), base_ + layout.factors(), b);
    auto minimum = scale;
    if constexpr (traits.minimum)
      minimum =
          part_numbers<Format, false, part>(base_ + layout.minimums(), base_ + layout.minimum_factors(), b);
    const size_t first = b * static_cast<size_t>(task_.codes.stride) + static_cast<size_t>(token_);
    const float* scales = task_.codes.scales + first;
    const float* sums = task_.codes.sums + first;
    const int32_t* totals = task_.codes.totals + first;
    const int32_t* first_totals = task_.codes.first_totals + first;
    each_token([&](int t) __attribute__((always_inline)) {
      const auto high = _mm512_load_si512(products + t * 16);
      auto product = _mm512_add_epi32(_mm512_slli_epi32(high, 4), _mm512_load_si512(products + 256 + t * 16));
      const auto total = traits.parts == 1 ? totals[t]
                         : part == 0       ? first_totals[t]
                                           : totals[t] - first_totals[t];
      if constexpr (traits.zero != 0)
        product = _mm512_add_epi32(product, dot_start<Format>(total));
      const auto both = _mm512_mul_ps(scale, _mm512_set1_ps(scales[t]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), both, acc[t]);
      if constexpr (traits.minimum) {
        const float sum = traits.parts == 1 ? sums[t] : scales[t] * static_cast<float>(total);
        acc[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(sum), acc[t]);
      }
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
  const amx_split_configuration configuration(group, traits_of(Format).parts);
  _tile_loadconfig(&configuration);
  for (auto tile = task.tile_begin; tile < task.tile_end; ++tile)
    for (auto first = token; first < end; first += group)
      amx_split_group<Format, Tokens>(task, first, group).run(tile);
}

} // namespace
} // namespace troupe
