#pragma once

#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/rope.cuh"

namespace troupe::cuda {

/// What decoding and prefill share of attention over a block of keys, so that both give the same bits.

inline constexpr float log2_e = 1.4426950408889634f;

/// A [rows, Columns] bf16 tile in shared memory; a row's 16-byte units are exchanged by its low bits, so that
/// ldmatrix meets no bank twice.
template <int Columns>
struct shared_tile {
  __nv_bfloat16* base;

  __device__ int32_t offset(int32_t row, int32_t unit) const {
    return row * Columns + (unit ^ (row & 7)) * 8;
  }
  __device__ uint32_t address(int32_t row, int32_t unit) const {
    return shared_address(base + offset(row, unit));
  }
  __device__ __nv_bfloat162& pair(int32_t row, int32_t pair) const {
    return *reinterpret_cast<__nv_bfloat162*>(base + offset(row, pair / 4) + pair % 4 * 2);
  }
};

__device__ inline float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// s0, s1 += queries [16 rows from query_row] times keys [8 from key_row, and the 8 after], as mma's d.
template <int HeadDim>
__device__ void score_16_keys(const shared_tile<HeadDim>& queries, int32_t query_row,
                              const shared_tile<HeadDim>& keys, int32_t key_row, float (&s0)[4],
                              float (&s1)[4]) {
  int32_t lane = int32_t(threadIdx.x) % 32;
#pragma unroll
  for (int32_t step = 0; step < HeadDim / 16; ++step) {
    uint32_t q[4], k[4];
    load_matrices(q, queries.address(query_row + lane % 16, step * 2 + lane / 16));
    load_matrices(k, keys.address(key_row + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
    mma_16x8x16(s0, q, k[0], k[1]);
    mma_16x8x16(s1, q, k[2], k[3]);
  }
}

/// o0, o1 += probabilities of 16 keys (mma's a) times their values [16 from key_row, 16 from unit * 8].
template <int HeadDim>
__device__ void weigh_16_keys(const uint32_t (&p)[4], const shared_tile<HeadDim>& values, int32_t key_row,
                              int32_t unit, float (&o0)[4], float (&o1)[4]) {
  int32_t lane = int32_t(threadIdx.x) % 32;
  uint32_t v[4];
  load_matrices_transposed(v, values.address(key_row + lane / 8 % 2 * 8 + lane % 8, unit + lane / 16));
  mma_16x8x16(o0, p, v[0], v[1]);
  mma_16x8x16(o1, p, v[2], v[3]);
}

/// A row's running maximum (times scale * log2(e)) and sum over blocks, and the factors that the next block
/// brings: the row's output becomes fma(block's output, new_factor, output * old_factor). Without a new
/// maximum old_factor is 1.
struct running_softmax {
  float top = -INFINITY, sum = 0.0f;

  __device__ void add(float block_top, float block_sum, float& old_factor, float& new_factor) {
    float next = fmaxf(top, block_top);
    old_factor = power_of_two(top - next);
    new_factor = power_of_two(block_top - next);
    top = next;
    sum = fmaf(block_sum, new_factor, sum * old_factor);
  }
};

} // namespace troupe::cuda
