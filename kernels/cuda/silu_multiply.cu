#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/silu.cuh"
#include "kernels/cuda/silu_multiply.hpp"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

/// A thread makes 8 outputs: 16 bytes of gate, 16 of up.
__global__ void __launch_bounds__(threads) silu_multiply_kernel(silu_multiply_params params) {
  let_next_kernel_start();
  wait_for_previous_kernels();
  int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
  if (i >= int64_t(params.tokens) * (params.intermediate / 8))
    return;
  const auto* input = reinterpret_cast<const uint4*>(params.input) + i * 2;
  uint4 gates = input[0], ups = input[1], outputs;
  const auto* gate = reinterpret_cast<const __nv_bfloat16*>(&gates);
  const auto* up = reinterpret_cast<const __nv_bfloat16*>(&ups);
  auto* output = reinterpret_cast<__nv_bfloat16*>(&outputs);
#pragma unroll
  for (int32_t j = 0; j < 8; ++j)
    output[j] = silu_times(gate[j], up[j]);
  reinterpret_cast<uint4*>(params.output)[i] = outputs;
}

} // namespace

launch_status silu_multiply(const silu_multiply_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.input, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.intermediate, 8, 1 << 20);
  TROUPE_CUDA_MULTIPLE(params.intermediate, 8);
  int64_t blocks = (int64_t(params.tokens) * (params.intermediate / 8) + threads - 1) / threads;
  return launch(silu_multiply_kernel, {dim3(unsigned(blocks)), dim3(threads)}, stream, params);
}

} // namespace troupe::cuda
