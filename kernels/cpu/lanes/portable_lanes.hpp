#pragma once

#include "kernels/float16.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace troupe {

// Internal linkage, here and in the files beside: code compiled for one instruction set must never be merged
// by the linker with the same template compiled for another.
namespace {

/// Sixteen fp32 lanes in plain C++: the definition that the other lane types reproduce.
/// max and min are a > b ? a : b and a < b ? a : b, as MAXPS and MINPS have them for NaN and signed zeros.
struct portable_lanes {
  static constexpr int attention_rows = 1;  // query rows that share a converted key or value
  static constexpr int attention_pages = 1; // key pages in flight
  static constexpr int linear_tokens = 1;   // of fp weights
  static constexpr int linear_tiles = 1;

  float v[16];

  static void prefetch(const void*) {}

  template <class F>
  static portable_lanes make(const F& f) {
    portable_lanes out;
    for (int i = 0; i < 16; ++i)
      out.v[i] = f(i);
    return out;
  }

  static portable_lanes broadcast(float x) {
    return make([&](int) { return x; });
  }
  static portable_lanes load(const float* p) {
    return make([&](int i) { return p[i]; });
  }
  static portable_lanes load_first(const float* p, int count) { // the others are 0
    return make([&](int i) { return i < count ? p[i] : 0.0f; });
  }
  static portable_lanes load_half(const uint16_t* p) {
    return make([&](int i) { return half_to_float(p[i]); });
  }
  static portable_lanes load_bfloat(const uint16_t* p) {
    return make([&](int i) { return bfloat_to_float(p[i]); });
  }
  void store(float* p) const {
    for (int i = 0; i < 16; ++i)
      p[i] = v[i];
  }
  void store_first(float* p, int count) const {
    for (int i = 0; i < count; ++i)
      p[i] = v[i];
  }
  void store_half(uint16_t* p) const {
    for (int i = 0; i < 16; ++i)
      p[i] = float_to_half(v[i]);
  }
  /// To nearest, ties to even; |lanes| below 2^21. Returns the sum of the codes.
  int32_t store_codes(int8_t* high, int8_t* low) const {
    int32_t sum = 0;
    for (int i = 0; i < 16; ++i) {
      const auto q = std::bit_cast<int32_t>(v[i] + 12582912.0f) - 0x4b400000;
      const auto upper = (q + 8) >> 4;
      high[i] = static_cast<int8_t>(upper);
      low[i] = static_cast<int8_t>(q - 16 * upper);
      sum += q;
    }
    return sum;
  }

  /// Of lanes without signs, by bit pattern: a NaN is larger than everything.
  float largest_magnitude() const {
    int32_t largest = 0;
    for (int i = 0; i < 16; ++i) {
      const auto bits = std::bit_cast<int32_t>(v[i]);
      largest = bits > largest ? bits : largest;
    }
    return std::bit_cast<float>(largest);
  }

  static portable_lanes add(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] + b.v[i]; });
  }
  static portable_lanes sub(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] - b.v[i]; });
  }
  static portable_lanes mul(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] * b.v[i]; });
  }
  static portable_lanes div(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] / b.v[i]; });
  }
  static portable_lanes fma(portable_lanes a, portable_lanes b, portable_lanes c) {
    return make([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
  }
  static portable_lanes max(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static portable_lanes min(portable_lanes a, portable_lanes b) {
    return make([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static portable_lanes negate(portable_lanes a) {
    return make([&](int i) { return std::bit_cast<float>(std::bit_cast<uint32_t>(a.v[i]) ^ 0x80000000u); });
  }
  /// x < bound ? yes : no
  static portable_lanes where_less(portable_lanes x, portable_lanes bound, portable_lanes yes,
                                   portable_lanes no) {
    return make([&](int i) { return x.v[i] < bound.v[i] ? yes.v[i] : no.v[i]; });
  }
  /// The first `count` lanes of a, then those of b.
  static portable_lanes first_of(portable_lanes a, portable_lanes b, int count) {
    return make([&](int i) { return i < count ? a.v[i] : b.v[i]; });
  }
  /// 2^n, where x holds the bits of 12582912 + n; n in [-126, 127].
  static portable_lanes power_of_two(portable_lanes x) {
    return make([&](int i) {
      return std::bit_cast<float>((std::bit_cast<uint32_t>(x.v[i]) - 0x4b400000u + 127u) << 23);
    });
  }
  /// Larger magnitude by bit pattern, lane by lane, signs cleared: NaN counts as larger than infinity.
  static portable_lanes max_magnitude(portable_lanes a, portable_lanes b) {
    return make([&](int i) {
      const uint32_t x = std::bit_cast<uint32_t>(a.v[i]) & 0x7fffffffu,
                     y = std::bit_cast<uint32_t>(b.v[i]) & 0x7fffffffu;
      return std::bit_cast<float>(x > y ? x : y);
    });
  }
  /// Lanes 1 0 3 2 5 4 ...
  static portable_lanes swap_pairs(portable_lanes a) {
    return make([&](int i) { return a.v[i ^ 1]; });
  }
};

} // namespace
} // namespace troupe
