#pragma once

#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/lanes/avx512_lanes.hpp"
#include "kernels/cpu/tile_layout.hpp"

#include <cstring>
#include <immintrin.h>

/// Quantized products with VPDPBUSD: lanes are the tile's 16 rows, four columns at a time.
namespace troupe {
namespace {

/// The 8 code vectors of one block as uint8: q + 128 (q8_0), q + 8 (q4_0) or q (q4_1).
template <weight_format Format>
struct avx512_codes {
  __m512i v[8];

  static avx512_codes load(const std::byte* codes) {
    avx512_codes out;
    if constexpr (Format == weight_format::q8_0) {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i)
        out.v[i] = _mm512_load_si512(codes + i * 64);
    } else {
      const auto low = _mm512_set1_epi8(15);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const auto both = _mm512_load_si512(codes + i * 64);
        out.v[i] = _mm512_and_si512(both, low);
        out.v[i + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
      }
    }
    return out;
  }

  /// Exact products of 16 rows with the block's activation codes; start takes the codes' offset off again.
  __m512i dot(const int8_t* x, __m512i start) const {
    const auto high = dot_bytes(x, _mm512_setzero_si512());
    return _mm512_add_epi32(_mm512_slli_epi32(high, 4), dot_bytes(x + 32, start));
  }

  __m512i dot_bytes(const int8_t* x, __m512i start) const {
    auto sum = start;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      int32_t four;
      std::memcpy(&four, x + 4 * i, sizeof four);
      sum = _mm512_dpbusd_epi32(sum, v[i], _mm512_set1_epi32(four));
    }
    return sum;
  }
};

inline __m512 tile_numbers(const std::byte* base) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(base)));
}

template <weight_format Format>
__m512i dot_start(int32_t total) {
  if constexpr (Format == weight_format::q4_1)
    return _mm512_setzero_si512();
  else
    return _mm512_set1_epi32(total * (Format == weight_format::q8_0 ? -128 : -8));
}

/// Few tokens: the weights come from memory, faster than the hardware fetches ahead over several streams.
/// Tiles lie one after another, so the bytes some blocks ahead in this count are the ones to come, whatever
/// they are.
template <weight_format Format>
void prefetch_block(const std::byte* tile, size_t block) {
  constexpr size_t ahead = 4096;
  constexpr size_t block_bytes = Format == weight_format::q8_0   ? 544
                                 : Format == weight_format::q4_0 ? 288
                                                                 : 320;
  const auto* from = reinterpret_cast<const char*>(tile + block * block_bytes + ahead);
#pragma GCC unroll 9
  for (size_t line = 0; line < (block_bytes + 63) / 64; ++line)
    _mm_prefetch(from + line * 64, _MM_HINT_T0);
}

template <weight_format Format, int Tokens>
void avx512_dot_tokens(const linear_task& task, int32_t tile, int32_t token) {
  const tile_layout layout{task.blocks, Format == weight_format::q8_0 ? 512 : 256};
  const auto blocks = static_cast<size_t>(task.blocks);
  const std::byte* base = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
  const std::byte* scales = base + layout.scales();
  const std::byte* minimums = base + layout.minimums();
  const auto first = static_cast<size_t>(token), stride = static_cast<size_t>(task.codes.stride);
  const int8_t* x = task.codes.codes + first * code_block_bytes;
  const float* x_scales = task.codes.scales + first;
  const float* x_sums = task.codes.sums + first;
  const int32_t* x_totals = task.codes.totals + first;
  __m512 acc[Tokens];
#pragma GCC unroll 16
  for (int t = 0; t < Tokens; ++t)
    acc[t] = _mm512_setzero_ps();
  for (size_t b = 0; b < blocks; ++b) {
    if constexpr (Tokens <= 2)
      prefetch_block<Format>(base, b);
    const auto codes = avx512_codes<Format>::load(base + b * static_cast<size_t>(layout.code_bytes));
    const auto scale = tile_numbers(scales + b * 32);
    auto minimum = scale;
    if constexpr (Format == weight_format::q4_1)
      minimum = tile_numbers(minimums + b * 32);
#pragma GCC unroll 16
    for (int t = 0; t < Tokens; ++t) {
      const size_t index = b * stride + static_cast<size_t>(t);
      const auto product = codes.dot(x + index * code_block_bytes, dot_start<Format>(x_totals[index]));
      const auto both = _mm512_mul_ps(scale, _mm512_set1_ps(x_scales[index]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), both, acc[t]);
      if constexpr (Format == weight_format::q4_1)
        acc[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(x_sums[index]), acc[t]);
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < Tokens; ++t)
    store_tile(task, tile, token + t, avx512_lanes{acc[t]});
}

template <weight_format Format, int Tokens>
void avx512_dot_tiles(const linear_task& task, int32_t token) {
  for (auto tile = task.tile_begin; tile < task.tile_end; ++tile)
    avx512_dot_tokens<Format, Tokens>(task, tile, token);
}

/// Tokens from `token` on. Groups of tokens outside, tiles inside: the group's codes stay in L1 while the
/// tiles stream from L2.
template <weight_format Format>
void avx512_dot(const linear_task& task, int32_t token = 0) {
  for (; token + 8 <= task.tokens; token += 8)
    avx512_dot_tiles<Format, 8>(task, token);
  switch (task.tokens - token) {
  case 1:
    return avx512_dot_tiles<Format, 1>(task, token);
  case 2:
    return avx512_dot_tiles<Format, 2>(task, token);
  case 3:
    return avx512_dot_tiles<Format, 3>(task, token);
  case 4:
    return avx512_dot_tiles<Format, 4>(task, token);
  case 5:
    return avx512_dot_tiles<Format, 5>(task, token);
  case 6:
    return avx512_dot_tiles<Format, 6>(task, token);
  case 7:
    return avx512_dot_tiles<Format, 7>(task, token);
  default:
    return;
  }
}

} // namespace
} // namespace troupe
