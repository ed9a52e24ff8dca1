#include "kernels/cuda/embed_packed.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/unpack_quarter.cuh"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

/// One block a token; a warp unpacks a quarter of the eight rows that share its cell, and keeps one.
template <weight_format Format>
__global__ void __launch_bounds__(threads) embed_packed_kernel(embed_packed_params params) {
  wait_for_previous_kernels();
  int32_t token = params.token[blockIdx.x], lane = int32_t(threadIdx.x) % 32;
  bool known = token >= 0 && token < params.vocabulary;
  int32_t row = known ? token : 0, cells = (params.hidden + cell_columns - 1) / cell_columns;
  const auto* granule =
      static_cast<const uint8_t*>(params.table) + int64_t(row / cell_rows) * cells * cell_bytes_of<Format>;
  float* output = params.output + int64_t(blockIdx.x) * params.hidden;
  for (int32_t quarter = int32_t(threadIdx.x) / 32; quarter * 64 < params.hidden; quarter += threads / 32) {
    uint32_t pairs[4][2];
    unpack_quarter<Format>(granule + int64_t(quarter / 4) * cell_bytes_of<Format>, quarter % 4, lane, pairs);
    if (lane / 4 != row % cell_rows)
      continue;
#pragma unroll
    for (int32_t i = 0; i < 8; ++i) {
      auto pair = *reinterpret_cast<const __nv_bfloat162*>(&pairs[i / 2][i % 2]);
      float nan = __int_as_float(0x7fc00000);
      *reinterpret_cast<float2*>(output + quarter * 64 + i * 8 + lane % 4 * 2) =
          known ? float2{__low2float(pair), __high2float(pair)} : float2{nan, nan};
    }
  }
}

} // namespace

launch_status embed_packed(const embed_packed_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.table, 16);
  TROUPE_CUDA_POINTER(params.token, 4);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(int32_t(params.format), 1, 3);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.hidden, 64, 1 << 20);
  TROUPE_CUDA_MULTIPLE(params.hidden, params.format == weight_format::q4_k ? 256 : 64);
  TROUPE_CUDA_RANGE(params.vocabulary, cell_rows, 1 << 24);
  TROUPE_CUDA_MULTIPLE(params.vocabulary, cell_rows);
  launch_shape shape{dim3(static_cast<unsigned>(params.tokens)), dim3(threads)};
  switch (params.format) {
  case weight_format::q4_1:
    return launch(embed_packed_kernel<weight_format::q4_1>, shape, stream, params);
  case weight_format::q4_k:
    return launch(embed_packed_kernel<weight_format::q4_k>, shape, stream, params);
  default:
    return launch(embed_packed_kernel<weight_format::q8_0>, shape, stream, params);
  }
}

launch_status embed_from(const weight_matrix& table, const int32_t* token, float* output, int32_t tokens,
                         int32_t hidden, int32_t vocabulary, const gpu_stream& stream) {
  if (table.format == weight_format::bf16_rows)
    return embed({table.rows(), token, output, tokens, hidden, vocabulary}, stream);
  return embed_packed({table.data, table.format, token, output, tokens, hidden, vocabulary}, stream);
}

} // namespace troupe::cuda
