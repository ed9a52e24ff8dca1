#pragma once

#include "kernels/cuda/weight_matrix.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace troupe::cuda {

/// What a lane reads of a cell. A cell has four quarters of 64 columns, in tensor-core steps of 16. In each
/// step lane l holds row l / 4 and, with c = 2 (l % 4), columns c, c + 1, c + 8, c + 9: mma's b.
///
/// The value of a weight, the same for products and dequantize(): bf16(fma(128 + q, d, c)), with c =
/// fma(-128, d, m) in fp32, off d q + m by less than 2^-15 d before the one rounding; for q8_0 bf16(q d),
/// exact before it.

/// Byte j of `bytes` as 128 + byte (below 128), in one permutation.
template <int J>
__device__ inline float byte_and_128(uint32_t bytes) {
  return __uint_as_float(__byte_perm(bytes, 0x43000000, 0x7044 | J << 8));
}

__device__ inline uint32_t pack_pair(float low, float high) {
  auto pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<uint32_t*>(&pair);
}

/// Scale and start of a block of 32 weights.
struct block_scale {
  float d, c;

  __device__ void set(float scale, float minimum) {
    d = scale;
    c = fmaf(-128.0f, scale, minimum);
  }
};

/// The quarters of 4-bit weights: a lane has two words, byte j of each with the lane's
/// j-th column in two steps.
template <class Scales>
struct nibble_quarter {
  uint2 words;
  block_scale blocks[2];

  __device__ void load(const uint8_t* cell, int32_t quarter, int32_t lane) {
    words = *reinterpret_cast<const uint2*>(cell + quarter * 256 + lane * 8);
    Scales::load(cell + 1024, quarter, lane / 4, blocks);
  }

  /// Step 0 to 3: its b.
  template <int Step>
  __device__ void decode(uint32_t (&b)[2]) const {
    uint32_t word = Step < 2 ? words.x : words.y;
    uint32_t q = (Step % 2 == 0 ? word : word >> 4) & 0x0F0F0F0F;
    const block_scale& s = blocks[Step / 2];
    b[0] = pack_pair(fmaf(byte_and_128<0>(q), s.d, s.c), fmaf(byte_and_128<1>(q), s.d, s.c));
    b[1] = pack_pair(fmaf(byte_and_128<2>(q), s.d, s.c), fmaf(byte_and_128<3>(q), s.d, s.c));
  }
};

/// [quarter][row][block of two]: d and m in fp16.
struct q4_1_scales {
  __device__ static void load(const uint8_t* scales, int32_t quarter, int32_t row, block_scale (&out)[2]) {
    uint2 raw = *reinterpret_cast<const uint2*>(scales + quarter * 64 + row * 8);
    float2 first = __half22float2(*reinterpret_cast<__half2*>(&raw.x));
    float2 second = __half22float2(*reinterpret_cast<__half2*>(&raw.y));
    out[0].set(first.x, first.y);
    out[1].set(second.x, second.y);
  }
};

/// [quarter][row]: s and t of two blocks, a byte each; then [row]: d and e in fp16. Products of 11 and 6 bits
/// are exact in fp32.
struct q4_k_scales {
  __device__ static void load(const uint8_t* scales, int32_t quarter, int32_t row, block_scale (&out)[2]) {
    uint32_t raw = *reinterpret_cast<const uint32_t*>(scales + quarter * 32 + row * 4);
    float2 de = __half22float2(*reinterpret_cast<const __half2*>(scales + 128 + row * 4));
    float minus_d = -128.0f * de.x, plus_e = 128.0f * de.y;
    out[0].set(fmaf(byte_and_128<0>(raw), de.x, minus_d), fmaf(byte_and_128<1>(raw), -de.y, plus_e));
    out[1].set(fmaf(byte_and_128<2>(raw), de.x, minus_d), fmaf(byte_and_128<3>(raw), -de.y, plus_e));
  }
};

/// A lane has 16 bytes, [step][4 columns]; then [quarter][row][block of two]: d in fp16.
struct byte_quarter {
  uint4 words;
  float d[2];

  __device__ void load(const uint8_t* cell, int32_t quarter, int32_t lane) {
    words = *reinterpret_cast<const uint4*>(cell + quarter * 512 + lane * 16);
    float2 both =
        __half22float2(*reinterpret_cast<const __half2*>(cell + 2048 + quarter * 32 + lane / 4 * 4));
    d[0] = both.x;
    d[1] = both.y;
  }

  template <int J>
  __device__ static float whole(uint32_t shifted) { // byte J less 128
    return __uint_as_float(__byte_perm(shifted, 0x4B000000, 0x7440 | J)) - 8388736.0f;
  }

  template <int Step>
  __device__ void decode(uint32_t (&b)[2]) const {
    uint32_t q = (Step == 0 ? words.x : Step == 1 ? words.y : Step == 2 ? words.z : words.w) ^ 0x80808080;
    float scale = d[Step / 2];
    b[0] = pack_pair(whole<0>(q) * scale, whole<1>(q) * scale);
    b[1] = pack_pair(whole<2>(q) * scale, whole<3>(q) * scale);
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

} // namespace troupe::cuda
