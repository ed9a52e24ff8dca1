#include "kernels/cuda/embed.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#include <cuda_bf16.h>

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

__global__ void __launch_bounds__(threads) embed_kernel(embed_params params) {
  wait_for_previous_kernels();
  int32_t token = params.token[blockIdx.x];
  bool known = token >= 0 && token < params.vocabulary;
  auto* row =
      reinterpret_cast<const __nv_bfloat16*>(params.table) + int64_t(known ? token : 0) * params.hidden;
  float* output = params.output + int64_t(blockIdx.x) * params.hidden;
  for (int32_t i = int32_t(threadIdx.x); i < params.hidden; i += threads)
    output[i] = known ? __bfloat162float(row[i]) : __int_as_float(0x7fc00000);
}

} // namespace

launch_status embed(const embed_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.table, 16);
  TROUPE_CUDA_POINTER(params.token, 4);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.hidden, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.vocabulary, 1, 1 << 24);
  return launch(embed_kernel, {dim3(static_cast<unsigned>(params.tokens)), dim3(threads)}, stream, params);
}

} // namespace troupe::cuda
