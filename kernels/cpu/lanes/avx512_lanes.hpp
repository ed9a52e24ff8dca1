#pragma once

#include <cstdint>
#include <immintrin.h>

namespace troupe {
namespace {

/// portable_lanes in one AVX-512 register.
struct avx512_lanes {
  static constexpr int attention_rows = 6;
  static constexpr int attention_pages = 4;
  static constexpr int linear_tokens = 4;
  static constexpr int linear_tiles = 4;

  __m512 v;

  static __mmask16 first_mask(int count) {
    return static_cast<__mmask16>((1u << count) - 1u); // count 0 to 16
  }
  static void prefetch(const void* address) { _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T0); }
  static avx512_lanes broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static avx512_lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static avx512_lanes load_first(const float* p, int count) {
    return {_mm512_maskz_loadu_ps(first_mask(count), p)};
  }
  static avx512_lanes load_half(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static avx512_lanes load_bfloat(const uint16_t* p) {
    const auto wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store_first(float* p, int count) const { _mm512_mask_storeu_ps(p, first_mask(count), v); }
  void store_half(uint16_t* p) const {
    constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, nearest));
  }
  int32_t store_codes(int8_t* high, int8_t* low) const {
    const auto q = _mm512_cvtps_epi32(v);
    const auto upper = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(8)), 4);
    const auto lower = _mm512_sub_epi32(q, _mm512_slli_epi32(upper, 4));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(high), _mm512_cvtsepi32_epi8(upper));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(low), _mm512_cvtsepi32_epi8(lower));
    return _mm512_reduce_add_epi32(q);
  }

  static avx512_lanes add(avx512_lanes a, avx512_lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
  static avx512_lanes sub(avx512_lanes a, avx512_lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
  static avx512_lanes mul(avx512_lanes a, avx512_lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
  static avx512_lanes div(avx512_lanes a, avx512_lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
  static avx512_lanes fma(avx512_lanes a, avx512_lanes b, avx512_lanes c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  static avx512_lanes max(avx512_lanes a, avx512_lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
  static avx512_lanes min(avx512_lanes a, avx512_lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
  static avx512_lanes negate(avx512_lanes a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
  static avx512_lanes where_less(avx512_lanes x, avx512_lanes bound, avx512_lanes yes, avx512_lanes no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, bound.v, _CMP_LT_OQ), no.v, yes.v)};
  }
  static avx512_lanes first_of(avx512_lanes a, avx512_lanes b, int count) {
    return {_mm512_mask_blend_ps(first_mask(count), b.v, a.v)};
  }
  static avx512_lanes power_of_two(avx512_lanes x) {
    const auto biased = _mm512_sub_epi32(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x4b400000 - 127));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
  }
  static avx512_lanes max_magnitude(avx512_lanes a, avx512_lanes b) {
    const auto clear = _mm512_set1_epi32(0x7fffffff);
    return {_mm512_castsi512_ps(_mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(a.v), clear),
                                                 _mm512_and_si512(_mm512_castps_si512(b.v), clear)))};
  }
  float largest_magnitude() const {
    return __builtin_bit_cast(float, _mm512_reduce_max_epi32(_mm512_castps_si512(v)));
  }
  static avx512_lanes swap_pairs(avx512_lanes a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
};

} // namespace
} // namespace troupe
