#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/rms_norm.hpp"

#include <cuda_bf16.h>

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 512;
constexpr int32_t kept_fours = 4; // of a thread in registers: rows of up to 8,192

__device__ float inverse_root(float sum, const rms_norm_params& params) {
  return 1.0f / sqrtf(sum / float(params.hidden) + params.epsilon);
}

/// Of the input, for this block.
__device__ int64_t row_of(const rms_norm_params& params) {
  return params.rows != nullptr ? params.rows[blockIdx.x] : int32_t(blockIdx.x);
}

__device__ uint2 scale_four(float4 x, float4 w, float scale) {
  __nv_bfloat162 y[2] = {__floats2bfloat162_rn(x.x * scale * w.x, x.y * scale * w.y),
                         __floats2bfloat162_rn(x.z * scale * w.z, x.w * scale * w.w)};
  return *reinterpret_cast<uint2*>(y);
}

/// One block a row; a thread adds up its own elements, 4 at a time every 2,048, before the block's tree.
/// Weights come before the previous kernel has ended.
__global__ void __launch_bounds__(threads) rms_norm_fours_kernel(rms_norm_params params) {
  __shared__ float sums[threads / 32];
  let_next_kernel_start();
  int32_t fours = params.hidden / 4;
  const auto* weight = reinterpret_cast<const float4*>(params.weight);
  auto* output = reinterpret_cast<uint2*>(params.output) + int64_t(blockIdx.x) * fours;
  float4 x[kept_fours] = {}, w[kept_fours] = {};
#pragma unroll
  for (int32_t j = 0; j < kept_fours; ++j)
    if (int32_t i = int32_t(threadIdx.x) + j * threads; i < fours)
      w[j] = weight[i];
  wait_for_previous_kernels();
  const auto* input = reinterpret_cast<const float4*>(params.input) + row_of(params) * fours;
#pragma unroll
  for (int32_t j = 0; j < kept_fours; ++j)
    if (int32_t i = int32_t(threadIdx.x) + j * threads; i < fours)
      x[j] = input[i];
  float sum = 0.0f;
#pragma unroll
  for (const float4& v : x) {
    sum = fmaf(v.x, v.x, sum);
    sum = fmaf(v.y, v.y, sum);
    sum = fmaf(v.z, v.z, sum);
    sum = fmaf(v.w, v.w, sum);
  }
  float scale = inverse_root(block_sum<threads / 32>(sum, sums), params);
#pragma unroll
  for (int32_t j = 0; j < kept_fours; ++j)
    if (int32_t i = int32_t(threadIdx.x) + j * threads; i < fours)
      output[i] = scale_four(x[j], w[j], scale);
}

/// Rows of any length, one element at a time.
__global__ void __launch_bounds__(threads) rms_norm_kernel(rms_norm_params params) {
  __shared__ float sums[threads / 32];
  let_next_kernel_start();
  auto* output = reinterpret_cast<__nv_bfloat16*>(params.output) + int64_t(blockIdx.x) * params.hidden;
  wait_for_previous_kernels();
  const float* input = params.input + row_of(params) * params.hidden;
  float sum = 0.0f;
  for (int32_t i = int32_t(threadIdx.x); i < params.hidden; i += threads)
    sum = fmaf(input[i], input[i], sum);
  float scale = inverse_root(block_sum<threads / 32>(sum, sums), params);
  for (int32_t i = int32_t(threadIdx.x); i < params.hidden; i += threads)
    output[i] = __float2bfloat16_rn(input[i] * scale * params.weight[i]);
}

} // namespace

launch_status rms_norm(const rms_norm_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.input, 16);
  TROUPE_CUDA_POINTER(params.weight, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.hidden, 1, 1 << 20);
  launch_shape shape{dim3(static_cast<unsigned>(params.tokens)), dim3(threads)};
  if (params.hidden % 4 == 0 && params.hidden <= threads * kept_fours * 4)
    return launch(rms_norm_fours_kernel, shape, stream, params);
  return launch(rms_norm_kernel, shape, stream, params);
}

} // namespace troupe::cuda
