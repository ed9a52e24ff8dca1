#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/rope.cuh"
#include "kernels/cuda/rope_append.hpp"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

/// One block a token, one pair a thread at a time.
__global__ void __launch_bounds__(threads) rope_append_kernel(rope_append_params params) {
  let_next_kernel_start();
  wait_for_previous_kernels();
  const kv_pages& pages = params.pages;
  int32_t token = int32_t(blockIdx.x), position = params.positions[token];
  int32_t pairs = pages.head_dim / 2;
  int32_t all_heads = params.heads + 2 * pages.kv_heads;
  auto* row = reinterpret_cast<__nv_bfloat162*>(params.qkv) + int64_t(token) * all_heads * pairs;
  const auto* angles = reinterpret_cast<const float2*>(params.rope_table) + int64_t(position) * pairs;
  int32_t page =
      params.block_tables[int64_t(params.sequences[token]) * params.table_stride + position / page_tokens];
  for (int32_t i = int32_t(threadIdx.x); i < all_heads * pairs; i += threads) {
    int32_t head = i / pairs, pair = i % pairs;
    if (head < params.heads) {
      row[i] = rotate(row[i], angles[pair]);
      continue;
    }
    int32_t kv_head = (head - params.heads) % pages.kv_heads;
    auto* key = reinterpret_cast<__nv_bfloat162*>(key_row(pages, page, kv_head, position % page_tokens));
    if (head < params.heads + pages.kv_heads)
      key[pair] = rotate(row[i], angles[pair]);
    else
      key[value_offset(pages) / 2 + pair] = row[i];
  }
}

} // namespace

launch_status rope_append(const rope_append_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.qkv, 16);
  TROUPE_CUDA_POINTER(params.rope_table, 16);
  TROUPE_CUDA_POINTER(params.positions, 4);
  TROUPE_CUDA_POINTER(params.sequences, 4);
  TROUPE_CUDA_POINTER(params.block_tables, 4);
  TROUPE_CUDA_POINTER(params.pages.base, 16);
  TROUPE_CUDA_RANGE(params.pages.head_dim, 8, 256);
  TROUPE_CUDA_MULTIPLE(params.pages.head_dim, 8);
  TROUPE_CUDA_RANGE(params.pages.kv_heads, 1, 256);
  TROUPE_CUDA_RANGE(params.pages.page_stride, kv_page_elements(params.pages.kv_heads, params.pages.head_dim),
                    int64_t(1) << 40);
  TROUPE_CUDA_MULTIPLE(params.pages.page_stride, 8);
  TROUPE_CUDA_RANGE(params.heads, 1, 1024);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.table_stride, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.table_positions, 1, 1 << 24);
  return launch(rope_append_kernel, {dim3(unsigned(params.tokens)), dim3(threads)}, stream, params);
}

} // namespace troupe::cuda
