#pragma once

#include <cstdint>

namespace troupe::cuda {

/// The sum over a block of 32 * Warps threads, in every thread: halves of a warp by shuffles 16, 8, 4, 2, 1,
/// then the warps' sums likewise. `shared` holds Warps floats.
template <int Warps>
__device__ float block_sum(float value, float* shared) {
#pragma unroll
  for (int32_t step = 16; step > 0; step /= 2)
    value += __shfl_xor_sync(~0u, value, step);
  if (threadIdx.x % 32 == 0)
    shared[threadIdx.x / 32] = value;
  __syncthreads();
  value = threadIdx.x % 32 < Warps ? shared[threadIdx.x % 32] : 0.0f;
#pragma unroll
  for (int32_t step = 16; step > 0; step /= 2)
    value += __shfl_xor_sync(~0u, value, step);
  return value;
}

} // namespace troupe::cuda
