#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/random_fill.hpp"

#include <cuda_bf16.h>

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

/// Source: Steele et al. 2014, SplitMix64.
__device__ uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// Box and Muller 1958, one of the two values.
__global__ void __launch_bounds__(threads) fill_normal_kernel(fill_normal_params params) {
  wait_for_previous_kernels();
  auto* output = reinterpret_cast<__nv_bfloat16*>(params.output);
  for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < params.count;
       i += int64_t(gridDim.x) * threads) {
    uint64_t bits = mix(mix(params.seed) + uint64_t(i) * 0x9e3779b97f4a7c15ull);
    float u = (float(uint32_t(bits >> 40)) + 0.5f) * 0x1p-24f, v = float(uint32_t(bits) >> 8) * 0x1p-24f;
    output[i] = __float2bfloat16_rn(params.deviation * sqrtf(-2.0f * __logf(u)) * cospif(2.0f * v));
  }
}

} // namespace

launch_status fill_normal(const fill_normal_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.output, 2);
  TROUPE_CUDA_RANGE(params.count, 1, int64_t(1) << 40);
  int64_t blocks = (params.count + threads - 1) / threads;
  return launch(fill_normal_kernel, {dim3(unsigned(blocks < 4096 ? blocks : 4096)), dim3(threads)}, stream,
                params);
}

} // namespace troupe::cuda
