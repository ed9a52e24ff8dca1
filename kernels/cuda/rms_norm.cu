#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/rms_norm.hpp"

#include <cuda_bf16.h>

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 512;

/// One block a row. Thread t adds up its own elements (4 t, 4 (t + 512), ...; single ones where hidden is no
/// multiple of 4) before the block's tree.
template <bool Fours>
__global__ void __launch_bounds__(threads) rms_norm_kernel(rms_norm_params params) {
  __shared__ float sums[threads / 32];
  let_next_kernel_start();
  constexpr int32_t width = Fours ? 4 : 1;
  const float* input = params.input + int64_t(blockIdx.x) * params.hidden;
  auto* output = reinterpret_cast<__nv_bfloat16*>(params.output) + int64_t(blockIdx.x) * params.hidden;
  wait_for_previous_kernels();
  float sum = 0.0f;
  for (int32_t i = int32_t(threadIdx.x) * width; i < params.hidden; i += threads * width) {
    float x[width];
    if constexpr (Fours)
      *reinterpret_cast<float4*>(x) = *reinterpret_cast<const float4*>(input + i);
    else
      x[0] = input[i];
#pragma unroll
    for (float value : x)
      sum = fmaf(value, value, sum);
  }
  sum = block_sum<threads / 32>(sum, sums);
  float scale = 1.0f / sqrtf(sum / float(params.hidden) + params.epsilon);
  for (int32_t i = int32_t(threadIdx.x) * width; i < params.hidden; i += threads * width) {
    float x[width], w[width];
    __nv_bfloat16 y[width];
    if constexpr (Fours) {
      *reinterpret_cast<float4*>(x) = *reinterpret_cast<const float4*>(input + i);
      *reinterpret_cast<float4*>(w) = *reinterpret_cast<const float4*>(params.weight + i);
    } else {
      x[0] = input[i];
      w[0] = params.weight[i];
    }
#pragma unroll
    for (int32_t j = 0; j < width; ++j)
      y[j] = __float2bfloat16_rn(x[j] * scale * w[j]);
    if constexpr (Fours)
      *reinterpret_cast<uint2*>(output + i) = *reinterpret_cast<uint2*>(y);
    else
      output[i] = y[0];
  }
}

} // namespace

launch_status rms_norm(const rms_norm_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.input, 16);
  TROUPE_CUDA_POINTER(params.weight, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.hidden, 1, 1 << 20);
  launch_shape shape{dim3(static_cast<unsigned>(params.tokens)), dim3(threads)};
  if (params.hidden % 4 == 0)
    return launch(rms_norm_kernel<true>, shape, stream, params);
  return launch(rms_norm_kernel<false>, shape, stream, params);
}

} // namespace troupe::cuda
