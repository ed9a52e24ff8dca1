#pragma once

#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/lanes/avx2_lanes.hpp"
#include "kernels/cpu/tile_layout.hpp"

#include <cstring>
#include <immintrin.h>

/// Quantized products with AVX2. One half tile is 8 rows, 32 bytes of each 64-byte code vector.
namespace troupe {
namespace {

/// The 8 code vectors (4 columns each) of half a block, and how one meets 4 activation codes.
template <weight_format Format>
struct avx2_codes {
  __m256i v[8];

  static avx2_codes load(const std::byte* codes) {
    avx2_codes out;
    const auto at = [&](int i) {
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + i * 64));
    };
    if constexpr (Format == weight_format::q8_0) {
      for (int i = 0; i < 8; ++i)
        out.v[i] = _mm256_xor_si256(at(i), _mm256_set1_epi8(static_cast<char>(0x80))); // back to int8
    } else {
      const auto low = _mm256_set1_epi8(15);
      for (int i = 0; i < 4; ++i) {
        const auto both = at(i);
        out.v[i] = _mm256_and_si256(both, low);
        out.v[i + 4] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      }
    }
    return out;
  }

  /// Integer products of 8 rows with the block's 32 activation codes of 12 bits.
  __m256i dot(const int8_t* x) const {
    return _mm256_add_epi32(_mm256_slli_epi32(dot_bytes(x), 4), dot_bytes(x + 32));
  }

  /// The same with 32 codes of one byte. VPMADDUBSW adds two products in 16 bits: |w| * (x with w's sign) is
  /// at most 2 * 128 * 127 = 32,512, and eight pairs of 15 * 127 add up to 30,480.
  __m256i dot_bytes(const int8_t* x) const {
    const auto ones = _mm256_set1_epi16(1);
    const auto four = [&](int i) {
      int32_t word;
      std::memcpy(&word, x + 4 * i, sizeof word);
      return _mm256_set1_epi32(word);
    };
    if constexpr (Format == weight_format::q8_0) {
      auto sum = _mm256_setzero_si256();
      for (int i = 0; i < 8; ++i) {
        const auto pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(v[i]), _mm256_sign_epi8(four(i), v[i]));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      }
      return sum;
    } else {
      auto pairs = _mm256_maddubs_epi16(v[0], four(0));
      for (int i = 1; i < 8; ++i)
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(v[i], four(i)));
      return _mm256_madd_epi16(pairs, ones);
    }
  }
};

inline __m256 half_tile_numbers(const std::byte* base) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(base)));
}

template <weight_format Format, int Tokens>
void avx2_dot_tokens(const linear_task& task, int32_t tile, int32_t token) {
  const tile_layout layout{task.blocks, Format == weight_format::q8_0 ? 512 : 256};
  const auto blocks = static_cast<size_t>(task.blocks);
  const std::byte* base = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
  avx2_lanes sums[Tokens];
  for (int half = 0; half < 2; ++half) {
    __m256 acc[Tokens];
    for (auto& sum : acc)
      sum = _mm256_setzero_ps();
    for (size_t b = 0; b < blocks; ++b) {
      const auto codes =
          avx2_codes<Format>::load(base + b * static_cast<size_t>(layout.code_bytes) + half * 32);
      const auto scale = half_tile_numbers(base + layout.scales() + b * 32 + half * 16);
      for (int t = 0; t < Tokens; ++t) {
        const size_t index = b * static_cast<size_t>(task.codes.stride) + static_cast<size_t>(token + t);
        auto product = codes.dot(task.codes.codes + index * code_block_bytes);
        if constexpr (Format == weight_format::q4_0)
          product = _mm256_sub_epi32(product, _mm256_set1_epi32(8 * task.codes.totals[index]));
        const auto both = _mm256_mul_ps(scale, _mm256_set1_ps(task.codes.scales[index]));
        acc[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(product), both, acc[t]);
        if constexpr (Format == weight_format::q4_1)
          acc[t] = _mm256_fmadd_ps(half_tile_numbers(base + layout.minimums() + b * 32 + half * 16),
                                   _mm256_set1_ps(task.codes.sums[index]), acc[t]);
      }
    }
    for (int t = 0; t < Tokens; ++t)
      (half == 0 ? sums[t].low : sums[t].high) = acc[t];
  }
  for (int t = 0; t < Tokens; ++t)
    store_tile(task, tile, token + t, sums[t]);
}

template <weight_format Format>
void avx2_dot(const linear_task& task) {
  int32_t token = 0;
  for (; token + 4 <= task.tokens; token += 4)
    for (auto tile = task.tile_begin; tile < task.tile_end; ++tile)
      avx2_dot_tokens<Format, 4>(task, tile, token);
  for (; token < task.tokens; ++token)
    for (auto tile = task.tile_begin; tile < task.tile_end; ++tile)
      avx2_dot_tokens<Format, 1>(task, tile, token);
}

} // namespace
} // namespace troupe
