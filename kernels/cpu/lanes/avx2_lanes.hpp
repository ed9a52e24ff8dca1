#pragma once

#include <cstdint>
#include <immintrin.h>

namespace troupe {
namespace {

/// portable_lanes in two AVX registers.
struct avx2_lanes {
  static constexpr int attention_rows = 3;
  static constexpr int attention_pages = 2;
  static constexpr int linear_tokens = 2;
  static constexpr int linear_tiles = 2;

  __m256 low, high;

  static void prefetch(const void* address) { _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T0); }
  static avx2_lanes broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static avx2_lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static __m256i first_mask(int count) { // all ones in lanes below count
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static avx2_lanes load_first(const float* p, int count) {
    return {_mm256_maskload_ps(p, first_mask(count)), _mm256_maskload_ps(p + 8, first_mask(count - 8))};
  }
  static avx2_lanes load_half(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static __m256 widen_bfloat(const uint16_t* p) {
    const auto wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static avx2_lanes load_bfloat(const uint16_t* p) { return {widen_bfloat(p), widen_bfloat(p + 8)}; }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void store_first(float* p, int count) const {
    _mm256_maskstore_ps(p, first_mask(count), low);
    _mm256_maskstore_ps(p + 8, first_mask(count - 8), high);
  }
  void store_half(uint16_t* p) const {
    constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(low, nearest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(high, nearest));
  }
  static void store_bytes(int8_t* p, __m256i a, __m256i b) {
    const auto words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }

  int32_t store_codes(int8_t* upper, int8_t* lower) const {
    const auto a = _mm256_cvtps_epi32(low), b = _mm256_cvtps_epi32(high);
    const auto eight = _mm256_set1_epi32(8);
    const auto a_upper = _mm256_srai_epi32(_mm256_add_epi32(a, eight), 4);
    const auto b_upper = _mm256_srai_epi32(_mm256_add_epi32(b, eight), 4);
    store_bytes(upper, a_upper, b_upper);
    store_bytes(lower, _mm256_sub_epi32(a, _mm256_slli_epi32(a_upper, 4)),
                _mm256_sub_epi32(b, _mm256_slli_epi32(b_upper, 4)));
    const auto all = _mm256_add_epi32(a, b);
    auto four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
  }

  float largest_magnitude() const {
    const auto all = _mm256_max_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
    auto four = _mm_max_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return __builtin_bit_cast(float, _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1))));
  }

  static avx2_lanes add(avx2_lanes a, avx2_lanes b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static avx2_lanes sub(avx2_lanes a, avx2_lanes b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static avx2_lanes mul(avx2_lanes a, avx2_lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static avx2_lanes div(avx2_lanes a, avx2_lanes b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  static avx2_lanes fma(avx2_lanes a, avx2_lanes b, avx2_lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static avx2_lanes max(avx2_lanes a, avx2_lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  static avx2_lanes min(avx2_lanes a, avx2_lanes b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  static avx2_lanes negate(avx2_lanes a) {
    const auto sign = _mm256_set1_ps(-0.0f);
    return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
  }
  static avx2_lanes where_less(avx2_lanes x, avx2_lanes bound, avx2_lanes yes, avx2_lanes no) {
    return {_mm256_blendv_ps(no.low, yes.low, _mm256_cmp_ps(x.low, bound.low, _CMP_LT_OQ)),
            _mm256_blendv_ps(no.high, yes.high, _mm256_cmp_ps(x.high, bound.high, _CMP_LT_OQ))};
  }
  static avx2_lanes first_of(avx2_lanes a, avx2_lanes b, int count) {
    return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(first_mask(count))),
            _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(first_mask(count - 8)))};
  }
  static __m256 power_of_two(__m256 x) {
    const auto biased = _mm256_sub_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(0x4b400000 - 127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }
  static avx2_lanes power_of_two(avx2_lanes x) { return {power_of_two(x.low), power_of_two(x.high)}; }
  static __m256 max_magnitude(__m256 a, __m256 b) {
    const auto clear = _mm256_set1_epi32(0x7fffffff);
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_and_si256(_mm256_castps_si256(a), clear),
                                                _mm256_and_si256(_mm256_castps_si256(b), clear)));
  }
  static avx2_lanes max_magnitude(avx2_lanes a, avx2_lanes b) {
    return {max_magnitude(a.low, b.low), max_magnitude(a.high, b.high)};
  }
  static avx2_lanes swap_pairs(avx2_lanes a) {
    return {_mm256_permute_ps(a.low, 0xb1), _mm256_permute_ps(a.high, 0xb1)};
  }
};

} // namespace
} // namespace troupe
