#pragma once

#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/lanes/avx512_lanes.hpp"
#include "kernels/cpu/tile_layout.hpp"

#include <cstring>
#include <immintrin.h>

/// Quantized products with VPDPBUSD: lanes are the tile's 16 rows, four columns at a time.
namespace troupe {
namespace {

/// iq4_nl's levels + 128, for a look-up by VPSHUFB.
inline __m512i avx512_levels() {
  alignas(16) uint8_t levels[16];
  for (int i = 0; i < 16; ++i)
    levels[i] = static_cast<uint8_t>(iq4_nl_levels[i] + 128);
  return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(levels)));
}

/// The 8 code vectors of one block as uint8, each `zero` above its weight.
template <weight_format Format>
struct avx512_codes {
  static constexpr tile_traits traits = traits_of(Format);

  __m512i v[8];

  static avx512_codes load(const std::byte* codes) {
    avx512_codes out;
    if constexpr (traits.bits == 8) {
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
    if constexpr (Format == weight_format::iq4_nl) {
      const auto levels = avx512_levels();
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i)
        out.v[i] = _mm512_shuffle_epi8(levels, out.v[i]);
    }
    if constexpr (traits.bits == 5 || traits.bits == 6)
      out.template add_upper<0>(codes + 256);
    return out;
  }

  /// The upper bits of vector I and those after it; a template, since shifts take constants.
  template <int I>
  void add_upper(const std::byte* upper) {
    constexpr int shift = traits.bits == 5 ? I - 4 : 2 * (I % 4) - 4;
    const auto bits = _mm512_load_si512(upper + (traits.bits == 5 ? 0 : I / 4 * 64));
    __m512i moved;
    if constexpr (shift < 0)
      moved = _mm512_slli_epi16(bits, -shift);
    else
      moved = _mm512_srli_epi16(bits, shift);
    v[I] = _mm512_or_si512(v[I], _mm512_and_si512(moved, _mm512_set1_epi8(traits.bits == 5 ? 16 : 48)));
    if constexpr (I < 7)
      add_upper<I + 1>(upper);
  }

  /// Exact products of 16 rows with the activation codes of one part of the block; start takes the codes'
  /// offset off again.
  template <int Part>
  __m512i dot(const int8_t* x, __m512i start) const {
    const auto high = dot_bytes<Part>(x, _mm512_setzero_si512());
    return _mm512_add_epi32(_mm512_slli_epi32(high, 4), dot_bytes<Part>(x + 32, start));
  }

  template <int Part>
  __m512i dot_bytes(const int8_t* x, __m512i start) const {
    constexpr int count = 8 / traits.parts;
    auto sum = start;
#pragma GCC unroll 8
    for (int i = Part * count; i < (Part + 1) * count; ++i) {
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

/// One part's scales (or minimums) of a block: fp16, in the K formats times small integers.
template <weight_format Format, bool Signed, int Part>
__m512 part_numbers(const std::byte* numbers, const std::byte* factors, size_t block) {
  constexpr size_t each = group_blocks(Format), parts = traits_of(Format).parts;
  const auto number = tile_numbers(numbers + block / each * 32);
  if constexpr (each == 1)
    return number;
  const auto bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(factors + (block * parts + Part) * 16));
  const auto wide = Signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
  return _mm512_mul_ps(number, _mm512_cvtepi32_ps(wide));
}

template <weight_format Format>
__m512i dot_start(int32_t total) {
  constexpr auto zero = traits_of(Format).zero;
  return zero == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(total * -zero);
}

/// Few tokens: the weights come from memory, faster than the hardware fetches ahead over several streams.
/// Tiles lie one after another, so the bytes some blocks ahead in this count are the ones to come, whatever
/// they are.
template <weight_format Format>
void prefetch_block(const std::byte* tile, size_t block) {
  constexpr size_t ahead = 4096;
  constexpr size_t block_bytes = tile_layout{Format, 8}.bytes() / 8;
  const auto* from = reinterpret_cast<const char*>(tile + block * block_bytes + ahead);
#pragma GCC unroll 9
  for (size_t line = 0; line < (block_bytes + 63) / 64; ++line)
    _mm_prefetch(from + line * 64, _MM_HINT_T0);
}

/// The numbers of a tile and the activations of a group of tokens, for one block after another.
template <weight_format Format, int Tokens>
class avx512_group {
public:
  avx512_group(const linear_task& task, const std::byte* base, size_t token)
      : base_(base), layout_{Format, task.blocks}, stride_(static_cast<size_t>(task.codes.stride)),
        x_(task.codes.codes + token * code_block_bytes), x_scales_(task.codes.scales + token),
        x_sums_(task.codes.sums + token), x_totals_(task.codes.totals + token),
        x_first_totals_(task.codes.first_totals + token) {}

  /// acc of each token goes on with part Part of block b.
  template <int Part>
  __attribute__((always_inline)) void accumulate(const avx512_codes<Format>& codes, size_t b,
                                                 __m512 (&acc)[Tokens]) const {
    constexpr auto traits = traits_of(Format);
    const auto scale =
        part_numbers<Format, traits.is_signed, Part>(base_ + layout_.scales(), base_ + layout_.factors(), b);
    auto minimum = scale;
    if constexpr (traits.minimum)
      minimum =
          part_numbers<Format, false, Part>(base_ + layout_.minimums(), base_ + layout_.minimum_factors(), b);
#pragma GCC unroll 16
    for (int t = 0; t < Tokens; ++t) {
      const size_t index = b * stride_ + static_cast<size_t>(t);
      const auto total = total_of<Part>(index);
      const auto product = codes.template dot<Part>(x_ + index * code_block_bytes, dot_start<Format>(total));
      const auto both = _mm512_mul_ps(scale, _mm512_set1_ps(x_scales_[index]));
      acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), both, acc[t]);
      if constexpr (traits.minimum) {
        const float sum = traits.parts == 1 ? x_sums_[index] : x_scales_[index] * static_cast<float>(total);
        acc[t] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(sum), acc[t]);
      }
    }
  }

private:
  template <int Part>
  int32_t total_of(size_t index) const {
    if constexpr (traits_of(Format).parts == 1)
      return x_totals_[index];
    return Part == 0 ? x_first_totals_[index] : x_totals_[index] - x_first_totals_[index];
  }

  const std::byte* base_;
  tile_layout layout_;
  size_t stride_;
  const int8_t* x_;
  const float* x_scales_;
  const float* x_sums_;
  const int32_t* x_totals_;
  const int32_t* x_first_totals_;
};

template <weight_format Format, int Tokens>
void avx512_dot_tokens(const linear_task& task, int32_t tile, int32_t token) {
  const std::byte* base = task.tiles + static_cast<size_t>(tile) * task.tile_bytes;
  const avx512_group<Format, Tokens> group(task, base, static_cast<size_t>(token));
  __m512 acc[Tokens];
#pragma GCC unroll 16
  for (int t = 0; t < Tokens; ++t)
    acc[t] = _mm512_setzero_ps();
  for (size_t b = 0; b < static_cast<size_t>(task.blocks); ++b) {
    if constexpr (Tokens <= 2)
      prefetch_block<Format>(base, b);
    const auto codes = avx512_codes<Format>::load(base + b * tile_layout{Format, 1}.code_bytes());
    group.template accumulate<0>(codes, b, acc);
    if constexpr (traits_of(Format).parts == 2)
      group.template accumulate<1>(codes, b, acc);
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
