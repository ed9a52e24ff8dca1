#pragma once

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/ptx_unpack.cuh"
#include "kernels/cuda/weight_matrix.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace troupe::cuda {

/// A cell has four quarters of 64 columns, two blocks of 32, four tensor-core steps of 16. The tensor cores
/// unpack, too: d q + m is one mma of fp16 with d on the diagonal of its a, q as its b and m as its c, off by
/// less than 2^-23 of the larger of d q and m; then it is rounded to bf16, once. This is the value of a
/// weight wherever it is used, in products and in dequantize(), so that no product depends on how mma rounds.
///
/// Part h (0 to 3) of a quarter is columns 8 h to 8 h + 7 of both blocks. Lane l = 4 g + c holds, of each
/// block, column 8 h + g of rows 2 c and 2 c + 1: mma's b, k being rows of the first block, then of the
/// second. It gets row g, columns 8 h + 2 c and + 1 of the first block in d[0] and d[1], of the second in
/// d[2] and d[3]: what the a of a product's mma wants there.

/// Where a cell lies.
struct cell_in_shared {
  uint32_t address;

  __device__ cell_in_shared operator+(int32_t bytes) const { return {address + uint32_t(bytes)}; }
  __device__ uint32_t half() const {
    uint16_t out;
    asm volatile("ld.shared.u16 %0, [%1];" : "=h"(out) : "r"(address));
    return out;
  }
  __device__ uint32_t word() const {
    uint32_t out;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(out) : "r"(address));
    return out;
  }
  __device__ uint2 two_words() const {
    uint2 out;
    asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(out.x), "=r"(out.y) : "r"(address));
    return out;
  }
  __device__ uint4 four_words() const {
    uint32_t out[4];
    load_shared(out, address);
    return {out[0], out[1], out[2], out[3]};
  }
};

struct cell_in_global {
  const uint8_t* address;

  __device__ cell_in_global operator+(int32_t bytes) const { return {address + bytes}; }
  __device__ uint32_t half() const { return *reinterpret_cast<const uint16_t*>(address); }
  __device__ uint32_t word() const { return *reinterpret_cast<const uint32_t*>(address); }
  __device__ uint2 two_words() const { return *reinterpret_cast<const uint2*>(address); }
  __device__ uint4 four_words() const { return *reinterpret_cast<const uint4*>(address); }
};

/// How a lane puts the low half of a word where its row has the diagonal, zeros elsewhere: a permutation,
/// twice, so that the compiler makes what it gives twice too, each where mma wants it. unknown_zero: one that
/// the compiler does not know.
struct diagonal_place {
  uint32_t upper, lower;

  __device__ diagonal_place(int32_t lane, uint32_t unknown_zero)
      : upper(lane % 4 != lane / 8 ? 0x4444
              : lane / 4 % 2 == 0  ? 0x4410
                                   : 0x1044),
        lower(upper + unknown_zero) {}
};

__device__ inline __half2 as_halves(uint32_t word) {
  return *reinterpret_cast<__half2*>(&word);
}

__device__ inline uint32_t as_word(__half2 halves) {
  return *reinterpret_cast<uint32_t*>(&halves);
}

__device__ inline float high_half(uint32_t word) {
  return __high2float(as_halves(word));
}

__device__ inline __half2 both(float value) {
  return __float2half2_rn(value);
}

__device__ inline uint32_t pack_pair(float low, float high) {
  auto pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<uint32_t*>(&pair);
}

/// Byte j of `bytes` as 128 + byte (below 128), in one permutation.
template <int J>
__device__ inline float byte_and_128(uint32_t bytes) {
  return __uint_as_float(__byte_perm(bytes, 0x43000000, 0x7044 | J << 8));
}

/// Nibbles 0 and 4 as fp16, 1,024 larger; nibbles 1 and 5, 64 larger.
__device__ inline __half2 even_nibbles(uint32_t word) {
  return as_halves(mask_with(word, 0x000F000F, 0x64006400));
}
__device__ inline __half2 odd_nibbles(uint32_t word) {
  return as_halves(mask_with(word, 0x00F000F0, 0x54005400));
}

/// mma's a and c of a quarter. a[1] and a[2] stay zeros, unknown to the compiler: it would make them anew
/// each time, where they can stay in place.
struct quarter_scales {
  uint32_t a[4];
  float c[4];

  __device__ explicit quarter_scales(uint2 unknown_zeros) : a{0, unknown_zeros.x, unknown_zeros.y, 0} {}

  __device__ void set(const diagonal_place& at, uint32_t d0, uint32_t d1, float m0, float m1) {
    a[0] = __byte_perm(d0, 0, at.upper);
    a[3] = __byte_perm(d1, 0, at.lower);
    c[0] = m0;
    c[1] = m0 + __uint_as_float(a[1]);
    c[2] = m1;
    c[3] = m1 + __uint_as_float(a[2]);
  }
};

/// [quarter][row][block of two]: d and m in fp16.
struct q4_1_scales {
  uint2 raw; // of row g: d, m of each block

  /// previous: the quarter before in the same cell; not looked at for quarter 0.
  template <class Cell>
  __device__ void load(const Cell& scales, int32_t quarter, int32_t lane, const q4_1_scales&) {
    raw = (scales + (lane / 4 * 8) + quarter * 64).two_words();
  }
  __device__ void get(const diagonal_place& at, quarter_scales& out) const {
    out.set(at, raw.x, raw.y, high_half(raw.x), high_half(raw.y));
  }
  template <int Block>
  __device__ uint32_t even(uint32_t word) const {
    return as_word(__hadd2(even_nibbles(word), both(-1024)));
  }
  template <int Block>
  __device__ uint32_t odd(uint32_t word) const {
    return as_word(__hadd2(odd_nibbles(word), both(-64)));
  }
};

/// [quarter]: [pair of rows][block][row] s, then [row][block] t, a byte each; then [row]: d and e in fp16.
/// d s q - e t: s q (10 bits) is b, -e t (17) c.
struct q4_k_scales {
  uint32_t de; // of row g
  uint32_t s;  // of rows 2 c and 2 c + 1 of the first block, then of the second
  uint32_t t;  // of row g: of each block

  template <class Cell>
  __device__ void load(const Cell& scales, int32_t quarter, int32_t lane, const q4_k_scales& previous) {
    s = (scales + (lane % 4 * 4) + quarter * 32).word();
    t = (scales + (lane / 4 * 2) + (quarter * 32 + 16)).half();
    de = quarter == 0 ? (scales + (lane / 4 * 4) + 128).word() : previous.de;
  }
  __device__ void get(const diagonal_place& at, quarter_scales& out) const {
    float e = high_half(de), more = 128.0f * e;
    out.set(at, de, de, fmaf(byte_and_128<0>(t), -e, more), fmaf(byte_and_128<1>(t), -e, more));
  }
  template <int Block>
  __device__ uint32_t even(uint32_t word) const {
    return as_word(__hfma2(even_nibbles(word), scale<Block>(), __hmul2(scale<Block>(), both(-1024))));
  }
  template <int Block>
  __device__ uint32_t odd(uint32_t word) const {
    return as_word(__hfma2(odd_nibbles(word), scale<Block>(), __hmul2(scale<Block>(), both(-64))));
  }

private:
  template <int Block>
  __device__ __half2 scale() const {
    return __hadd2(as_halves(__byte_perm(s, 0x64646464, Block == 0 ? 0x4140 : 0x4342)), both(-1024));
  }
};

/// The quarters of 4-bit weights: a lane has a word of each block, nibble h of its halves with part h of two
/// rows.
template <class Scales>
struct nibble_quarter {
  uint2 words;
  Scales scales;

  template <class Cell>
  __device__ void load(const Cell& cell, int32_t quarter, int32_t lane, const nibble_quarter& previous) {
    words = (cell + (lane * 8) + quarter * 256).two_words();
    scales.load(cell + 1024, quarter, lane, previous.scales);
  }

  __device__ void get_scales(const diagonal_place& at, quarter_scales& out) const { scales.get(at, out); }

  template <int Part>
  __device__ void unpack(float (&out)[4], const quarter_scales& with) const {
    uint32_t x = words.x >> (Part / 2 * 8), y = words.y >> (Part / 2 * 8);
    if constexpr (Part % 2 == 0)
      mma_16x8x16_halves(out, with.a, scales.template even<0>(x), scales.template even<1>(y), with.c);
    else
      mma_16x8x16_halves(out, with.a, scales.template odd<0>(x), scales.template odd<1>(y), with.c);
  }
};

/// A lane has 16 bytes, a word of each part: rows 2 c and 2 c + 1 of the first block, then of the second,
/// each 128 larger; then [quarter][row][block of two]: d in fp16.
struct byte_quarter {
  uint4 words;
  uint32_t d; // of row g: of each block

  template <class Cell>
  __device__ void load(const Cell& cell, int32_t quarter, int32_t lane, const byte_quarter&) {
    words = (cell + (lane * 16) + quarter * 512).four_words();
    d = (cell + (lane / 4 * 4) + (2048 + quarter * 32)).word();
  }

  __device__ void get_scales(const diagonal_place& at, quarter_scales& out) const {
    out.set(at, d, d >> 16, 0.0f, 0.0f);
    out.c[1] = out.c[3] = 0.0f;
  }

  template <int Part>
  __device__ void unpack(float (&out)[4], const quarter_scales& with) const {
    uint32_t word = Part == 0 ? words.x : Part == 1 ? words.y : Part == 2 ? words.z : words.w;
    mma_16x8x16_halves(out, with.a, whole(word, 0x4140), whole(word, 0x4342), with.c);
  }

private:
  __device__ static uint32_t whole(uint32_t word, uint32_t bytes) {
    return as_word(__hadd2(as_halves(__byte_perm(word, 0x64646464, bytes)), both(-1152)));
  }
};

template <weight_format Format>
inline constexpr int32_t cell_bytes_of = cell_bytes(Format);
template <weight_format Format>
inline constexpr int32_t gguf_weights_of = gguf_block_weights(Format);
template <weight_format Format>
inline constexpr int32_t gguf_bytes_of = gguf_block_bytes(Format);

template <weight_format Format>
struct quarter_of;
template <>
struct quarter_of<weight_format::q4_1> {
  using type = nibble_quarter<q4_1_scales>;
};
template <>
struct quarter_of<weight_format::q4_k> {
  using type = nibble_quarter<q4_k_scales>;
};
template <>
struct quarter_of<weight_format::q8_0> {
  using type = byte_quarter;
};

/// A part in fp32 becomes, as bf16, its half of a step of each block: the first eight columns of the step or
/// the last. Of the step's mma: a[2 * half + granule] of the pair.
template <int Part>
__device__ inline void round_part(const float (&part)[4], uint32_t (&steps)[4][4], int32_t granule) {
  steps[Part / 2][Part % 2 * 2 + granule] = pack_pair(part[0], part[1]);
  steps[2 + Part / 2][Part % 2 * 2 + granule] = pack_pair(part[2], part[3]);
}

/// A quarter of a pair of granules, from packed to mma's a.
template <class Quarter>
struct quarter_unpacker {
  quarter_scales scales[2];
  float parts[2][4][4]; // [granule][part]

  /// zeros: see quarter_scales.
  __device__ explicit quarter_unpacker(uint4 zeros)
      : scales{quarter_scales({zeros.x, zeros.y}), quarter_scales({zeros.z, zeros.w})} {}

  __device__ __forceinline__ void get_scales(const Quarter (&raw)[2], const diagonal_place& at) {
    raw[0].get_scales(at, scales[0]);
    raw[1].get_scales(at, scales[1]);
  }

  template <int Part>
  __device__ __forceinline__ void unpack(const Quarter (&raw)[2]) {
    raw[0].template unpack<Part>(parts[0][Part], scales[0]);
    raw[1].template unpack<Part>(parts[1][Part], scales[1]);
  }

  template <int Part>
  __device__ __forceinline__ void round(uint32_t (&steps)[4][4]) const {
    round_part<Part>(parts[0][Part], steps, 0);
    round_part<Part>(parts[1][Part], steps, 1);
  }

  __device__ __forceinline__ void unpack_all(const Quarter (&raw)[2], const diagonal_place& at) {
    get_scales(raw, at);
    unpack<0>(raw);
    unpack<1>(raw);
    unpack<2>(raw);
    unpack<3>(raw);
  }

  __device__ __forceinline__ void round_all(uint32_t (&steps)[4][4]) const {
    round<0>(steps);
    round<1>(steps);
    round<2>(steps);
    round<3>(steps);
  }
};

} // namespace troupe::cuda
