#pragma once

#include "kernels/cpu/body/avx512_dot.hpp"

#include <immintrin.h>

/// Products with 4-bit weights of 32 tokens and more with AMX, by groups of 16: TDPBSUD multiplies 16 tokens
/// by 16 rows over the 64 bytes of one block of activation codes, 32 high and 32 low. The weights that meet
/// the high bytes are unpacked times 16 (at most 240), so one instruction gives the whole product. The scales
/// are applied as everywhere else; a tile's codes are unpacked once for all tokens.
namespace troupe {
namespace {

constexpr int amx_tokens = 16;
constexpr size_t amx_block_bytes = 1024; // unpacked codes of one block of 16 rows: the B operand as it stands

/// Blocks whose unpacked codes fit a thread's buffer of 128 KiB, well inside L2; wider matrices take the
/// AVX-512 path.
constexpr int32_t amx_blocks_max = 128;

/// Tile registers: 0, 1 products [16 tokens, 16 rows] int32; 2, 3 activations [16 tokens, 64]; 4, 5 weights
/// [16 column groups, 16 rows x 4]. Two of each, so that one block loads while the other multiplies.
struct alignas(64) amx_configuration {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16};
};

/// One matrix tile: unpacked codes, scales and minimums in fp32.
template <weight_format Format>
class amx_weights {
public:
  void load(const linear_task& task, const std::byte* base) {
    const tile_layout layout{Format, task.blocks};
    for (int32_t b = 0; b < task.blocks; ++b) {
      const auto at = static_cast<size_t>(b);
      prefetch_block<Format>(base, at);
      _mm512_store_ps(scales_[b],
                      part_numbers<Format, false, 0>(base + layout.scales(), base + layout.factors(), at));
      if constexpr (has_minimum)
        _mm512_store_ps(minimums_[b], part_numbers<Format, false, 0>(base + layout.minimums(),
                                                                     base + layout.minimum_factors(), at));
      const auto codes = avx512_codes<Format>::load(base + at * 256);
      for (int i = 0; i < 8; ++i) {
        _mm512_store_si512(codes_[b] + i * 64, _mm512_slli_epi16(codes.v[i], 4));
        _mm512_store_si512(codes_[b] + 512 + i * 64, codes.v[i]);
      }
    }
    asm volatile("" ::: "memory"); // g++ 12 does not know that tile loads read what was just written
  }

  static constexpr bool has_minimum = traits_of(Format).minimum;

  const void* codes(int32_t block) const { return codes_[block]; }
  __m512 scale(int32_t block) const { return _mm512_load_ps(scales_[block]); }
  __m512 minimum(int32_t block) const { return _mm512_load_ps(minimums_[block]); }

private:
  alignas(64) float scales_[amx_blocks_max][16];
  alignas(64) float minimums_[amx_blocks_max][16];
  alignas(64) uint8_t codes_[amx_blocks_max][amx_block_bytes];
};

/// The product of one block in the tile register Which, 0 or 1.
template <int Which>
void amx_multiply(const void* codes, const int8_t* x) {
  if constexpr (Which == 0) {
    _tile_zero(0);
    _tile_loadd(2, x, 64);
    _tile_loadd(4, codes, 64);
    _tile_dpbsud(0, 2, 4);
  } else {
    _tile_zero(1);
    _tile_loadd(3, x, 64);
    _tile_loadd(5, codes, 64);
    _tile_dpbsud(1, 3, 5);
  }
}

template <int Which>
void amx_store(int32_t* products) {
  if constexpr (Which == 0)
    _tile_stored(0, products, 64);
  else
    _tile_stored(1, products, 64);
}

/// Sixteen tokens against one matrix tile. Block n + 2 multiplies and block n + 1 is stored while block n is
/// scaled: a product takes some 50 cycles, and waiting for it would double the time.
template <weight_format Format>
class amx_group {
public:
  amx_group(const linear_task& task, const amx_weights<Format>& weights, int32_t token)
      : weights_(weights), codes_(task.codes.codes + static_cast<size_t>(token) * code_block_bytes),
        scales_(task.codes.scales + token), sums_(task.codes.sums + token),
        totals_(task.codes.totals + token), stride_(static_cast<size_t>(task.codes.stride)),
        blocks_(task.blocks) {}

  void run(const linear_task& task, int32_t tile, int32_t token) {
    __m512 acc[amx_tokens];
#pragma GCC unroll 16
    for (int t = 0; t < amx_tokens; ++t)
      acc[t] = _mm512_setzero_ps();
    multiply<0>(0);
    multiply<1>(1);
    amx_store<0>(products_[0]);
    for (int32_t b = 0; b < blocks_; b += 2) {
      multiply<0>(b + 2);
      amx_store<1>(products_[1]);
      accumulate(b, products_[0], acc);
      if (b + 1 == blocks_)
        break;
      multiply<1>(b + 3);
      amx_store<0>(products_[0]);
      accumulate(b + 1, products_[1], acc);
    }
#pragma GCC unroll 16
    for (int t = 0; t < amx_tokens; ++t)
      store_tile(task, tile, token + t, avx512_lanes{acc[t]});
  }

private:
  static constexpr bool has_minimum = traits_of(Format).minimum;

  /// Past the last block the last one is multiplied again, and nobody reads the product.
  template <int Which>
  void multiply(int32_t block) {
    const auto b = block < blocks_ ? block : blocks_ - 1;
    amx_multiply<Which>(weights_.codes(b), codes_ + static_cast<size_t>(b) * stride_ * code_block_bytes);
  }

  __attribute__((always_inline)) void accumulate(int32_t block, const int32_t* products,
                                                 __m512 (&acc)[amx_tokens]) {
    const auto scale = weights_.scale(block);
    auto minimum = scale;
    if constexpr (has_minimum)
      minimum = weights_.minimum(block);
    const size_t first = static_cast<size_t>(block) * stride_;
    const float* scales = scales_ + first;
    const float* sums = sums_ + first;
    const int32_t* totals = totals_ + first;
#pragma GCC unroll 16
    for (int t = 0; t < amx_tokens; ++t) {
      auto product = _mm512_load_si512(products + t * 16);
      if constexpr (traits_of(Format).zero != 0)
        product = _mm512_add_epi32(product, dot_start<Format>(totals[t]));
      const auto both = _mm512_mul_ps(scale, _mm512_set1_ps(scales[t]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), both, acc[t]);
      if constexpr (has_minimum)
        acc[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(sums[t]), acc[t]);
    }
  }

  const amx_weights<Format>& weights_;
  const int8_t* codes_;
  const float* scales_;
  const float* sums_;
  const int32_t* totals_;
  size_t stride_;
  int32_t blocks_;
  alignas(64) int32_t products_[2][256];
};

/// The tokens [0, tokens), a multiple of 16.
template <weight_format Format>
void amx_dot(const linear_task& task, int32_t tokens) {
  static constexpr amx_configuration configuration{};
  _tile_loadconfig(&configuration);
  amx_weights<Format> weights;
  for (auto tile = task.tile_begin; tile < task.tile_end; ++tile) {
    weights.load(task, task.tiles + static_cast<size_t>(tile) * task.tile_bytes);
    for (int32_t token = 0; token < tokens; token += amx_tokens)
      amx_group<Format>(task, weights, token).run(task, tile, token);
  }
}

} // namespace
} // namespace troupe
