#include "kernels/cuda/argmax.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 512;
constexpr int32_t blocks_a_row_max = 32;
constexpr uint32_t nan_key = ~0u;
constexpr uint32_t key_of_infinity = 0xff800000u; // see key_of()
constexpr uint32_t key_of_lowest = 0x007fffffu;   // of -inf

/// Rising with the value (the usual flip of a float's bits), NaN above all.
__device__ uint32_t key_of(float value) {
  if (value != value)
    return nan_key;
  auto bits = __float_as_uint(value + 0.0f); // -0 equals +0
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

__device__ uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

__global__ void __launch_bounds__(threads) argmax_kernel(argmax_params params) {
  __shared__ unsigned long long best_of_block;
  if (threadIdx.x == 0)
    best_of_block = 0;
  __syncthreads();
  let_next_kernel_start();
  wait_for_previous_kernels();
  const float* row = params.logits + int64_t(blockIdx.y) * params.vocabulary;
  uint64_t best = 0; // key and, below it, the index's complement: of equal keys the lowest index is largest
#pragma unroll 4
  for (int32_t i = int32_t(blockIdx.x) * threads + int32_t(threadIdx.x); i < params.vocabulary;
       i += int32_t(gridDim.x) * threads)
    best = larger(best, uint64_t(key_of(row[i])) << 32 | uint32_t(~i));
#pragma unroll
  for (int32_t step = 16; step > 0; step /= 2)
    best = larger(best, __shfl_xor_sync(~0u, best, step));
  if (threadIdx.x % 32 == 0)
    atomicMax(&best_of_block, static_cast<unsigned long long>(best));
  __syncthreads();
  if (threadIdx.x != 0)
    return;
  auto* best_of_row = reinterpret_cast<unsigned long long*>(params.best + blockIdx.y);
  atomicMax(best_of_row, best_of_block);
  __threadfence();
  if (atomicAdd(params.blocks_done + blockIdx.y, 1u) + 1 < gridDim.x)
    return;
  __threadfence();
  uint64_t winner = atomicExch(best_of_row, 0ull);
  uint32_t key = uint32_t(winner >> 32);
  params.token[blockIdx.y] = key > key_of_lowest && key < key_of_infinity ? int32_t(~uint32_t(winner)) : -1;
  params.blocks_done[blockIdx.y] = 0;
}

} // namespace

launch_status argmax(const argmax_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.logits, 4);
  TROUPE_CUDA_POINTER(params.token, 4);
  TROUPE_CUDA_POINTER(params.best, 8);
  TROUPE_CUDA_POINTER(params.blocks_done, 4);
  TROUPE_CUDA_RANGE(params.tokens, 1, 65535);
  TROUPE_CUDA_RANGE(params.vocabulary, 1, 1 << 24);
  int32_t wanted = (params.vocabulary + threads * 4 - 1) / (threads * 4);
  int32_t blocks = wanted < blocks_a_row_max ? wanted : blocks_a_row_max;
  return launch(argmax_kernel, {dim3(unsigned(blocks), unsigned(params.tokens)), dim3(threads)}, stream,
                params);
}

} // namespace troupe::cuda
