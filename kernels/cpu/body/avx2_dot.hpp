#pragma once

#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/lanes/avx2_lanes.hpp"
#include "kernels/cpu/tile_layout.hpp"

#include <cstring>
#include <immintrin.h>

/// Quantized products with AVX2. One half tile is 8 rows, 32 bytes of each 64-byte code vector.
namespace troupe {
namespace {

/// The 8 code vectors (4 columns each) of half a block, and how one meets 4 activation codes. Codes that take
/// a byte are weights themselves, the others stand `zero` above them.
template <weight_format Format>
struct avx2_codes {
  static constexpr tile_traits traits = traits_of(Format);
  static constexpr bool weighs = Format == weight_format::q8_0 || Format == weight_format::iq4_nl;

  __m256i v[8];

  static avx2_codes load(const std::byte* codes) {
    avx2_codes out;
    const auto at = [&](int i) {
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + i * 64));
    };
    if constexpr (traits.bits == 8) {
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
    if constexpr (Format == weight_format::iq4_nl) {
      const auto levels =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(iq4_nl_levels)));
      for (auto& each : out.v)
        each = _mm256_shuffle_epi8(levels, each);
    }
    if constexpr (traits.bits == 5 || traits.bits == 6)
      out.template add_upper<0>(codes + 256);
    return out;
  }

  /// The upper bits of vector I and those after it; a template, since shifts take constants.
  template <int I>
  void add_upper(const std::byte* upper) {
    constexpr int shift = traits.bits == 5 ? I - 4 : 2 * (I % 4) - 4;
    const auto bits =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(upper + (traits.bits == 5 ? 0 : I / 4 * 64)));
    __m256i moved;
    if constexpr (shift < 0)
      moved = _mm256_slli_epi16(bits, -shift);
    else
      moved = _mm256_srli_epi16(bits, shift);
    v[I] = _mm256_or_si256(v[I], _mm256_and_si256(moved, _mm256_set1_epi8(traits.bits == 5 ? 16 : 48)));
    if constexpr (I < 7)
      add_upper<I + 1>(upper);
  }

  /// Integer products of 8 rows with the activation codes of 12 bits of one part of the block.
  template <int Part>
  __m256i dot(const int8_t* x) const {
    return _mm256_add_epi32(_mm256_slli_epi32(dot_bytes<Part>(x), 4), dot_bytes<Part>(x + 32));
  }

  /// The same with codes of one byte. VPMADDUBSW adds two products in 16 bits: |w| * (x with w's sign) is at
  /// most 2 * 128 * 127 = 32,512; eight pairs of 15 * 127 add up to 30,480, four of 31 * 127 to 31,496, two
  /// of 63 * 127 to 32,004.
  template <int Part>
  __m256i dot_bytes(const int8_t* x) const {
    constexpr int count = 8 / traits.parts, end = (Part + 1) * count;
    constexpr int together = traits.bits == 6 ? 2 : traits.bits == 5 ? 4 : count;
    const auto ones = _mm256_set1_epi16(1);
    const auto four = [&](int i) {
      int32_t word;
      std::memcpy(&word, x + 4 * i, sizeof word);
      return _mm256_set1_epi32(word);
    };
    auto sum = _mm256_setzero_si256();
    if constexpr (weighs) {
      for (int i = Part * count; i < end; ++i) {
        const auto pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(v[i]), _mm256_sign_epi8(four(i), v[i]));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      }
    } else {
      for (int first = Part * count; first < end; first += together) {
        auto pairs = _mm256_maddubs_epi16(v[first], four(first));
        for (int i = first + 1; i < first + together; ++i)
          pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(v[i], four(i)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      }
    }
    return sum;
  }
};

inline __m256 half_tile_numbers(const std::byte* base) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(base)));
}

/// One part's scales (or minimums) of 8 rows of a block: fp16, in the K formats times small integers.
template <weight_format Format, bool Signed, int Part>
__m256 half_part_numbers(const std::byte* numbers, const std::byte* factors, size_t block, int half) {
  constexpr size_t each = group_blocks(Format), parts = traits_of(Format).parts;
  const auto number = half_tile_numbers(numbers + block / each * 32 + half * 16);
  if constexpr (each == 1)
    return number;
  const auto bytes =
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(factors + (block * parts + Part) * 16 + half * 8));
  const auto wide = Signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
  return _mm256_mul_ps(number, _mm256_cvtepi32_ps(wide));
}

/// acc of each token goes on with part Part of block b, 8 rows of it.
template <weight_format Format, int Part, int Tokens>
__attribute__((always_inline)) inline void avx2_accumulate(const linear_task& task, const std::byte* base,
                                                           const avx2_codes<Format>& codes, size_t b,
                                                           int half, int32_t token, __m256 (&acc)[Tokens]) {
  constexpr auto traits = traits_of(Format);
  const tile_layout layout{Format, task.blocks};
  const auto scale = half_part_numbers<Format, traits.is_signed, Part>(base + layout.scales(),
                                                                       base + layout.factors(), b, half);
  for (int t = 0; t < Tokens; ++t) {
    const size_t index = b * static_cast<size_t>(task.codes.stride) + static_cast<size_t>(token + t);
    const auto first = task.codes.first_totals[index];
    const auto total = traits.parts == 1 ? task.codes.totals[index]
                       : Part == 0       ? first
                                         : task.codes.totals[index] - first;
    auto product = codes.template dot<Part>(task.codes.codes + index * code_block_bytes);
    if constexpr (traits.zero != 0 && !avx2_codes<Format>::weighs)
      product = _mm256_sub_epi32(product, _mm256_set1_epi32(traits.zero * total));
    const float x_scale = task.codes.scales[index];
    const auto both = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale));
    acc[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(product), both, acc[t]);
    if constexpr (traits.minimum) {
      const auto minimum = half_part_numbers<Format, false, Part>(base + layout.minimums(),
                                                                  base + layout.minimum_factors(), b, half);
      const float sum = traits.parts == 1 ? task.codes.sums[index] : x_scale * static_cast<float>(total);
      acc[t] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(sum), acc[t]);
    }
  }
}

template <weight_format Format, int Tokens>
void avx2_dot_tokens(const linear_task& task, int32_t tile, int32_t token) {
  const std::byte* base = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
  avx2_lanes sums[Tokens];
  for (int half = 0; half < 2; ++half) {
    __m256 acc[Tokens];
    for (auto& sum : acc)
      sum = _mm256_setzero_ps();
    for (size_t b = 0; b < static_cast<size_t>(task.blocks); ++b) {
      const auto codes = avx2_codes<Format>::load(base + b * tile_layout{Format, 1}.code_bytes() + half * 32);
      avx2_accumulate<Format, 0>(task, base, codes, b, half, token, acc);
      if constexpr (traits_of(Format).parts == 2)
        avx2_accumulate<Format, 1>(task, base, codes, b, half, token, acc);
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
