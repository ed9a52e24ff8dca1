#include "kernels/cuda/attention_block.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/prefill_attention_kernels.cuh"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 128;
constexpr int32_t query_rows = 64; // of a block: 16 a warp

template <int HeadDim>
struct prefill_memory {
  /// Key blocks in shared memory: one in use, and where there is room one on its way.
  static constexpr int32_t buffers = HeadDim <= 128 ? 2 : 1;

  __nv_bfloat16 queries[query_rows * HeadDim];
  __nv_bfloat16 keys[buffers][attention_block * HeadDim];
  __nv_bfloat16 values[buffers][attention_block * HeadDim];
};

/// What one block works on: up to 64 tokens of a slice, one head.
struct prefill_place {
  prefill_slice slice;
  int32_t first_token, last_position, head, kv_head;
};

template <int HeadDim>
__device__ void fetch_queries(const prefill_attention_params& params, const prefill_place& at,
                              prefill_memory<HeadDim>& memory) {
  constexpr int32_t units = HeadDim / 8;
  shared_tile<HeadDim> queries{memory.queries};
  int64_t all_heads = params.heads + 2 * params.pages.kv_heads;
  const auto* qkv = reinterpret_cast<const __nv_bfloat16*>(params.qkv);
  for (int32_t i = int32_t(threadIdx.x); i < query_rows * units; i += threads) {
    int32_t row = i / units, unit = i % units, token = at.first_token + row;
    bool is_there = token < at.slice.tokens;
    int64_t from = (at.slice.first_row + (is_there ? token : 0)) * all_heads + at.head;
    copy_16_bytes(queries.address(row, unit), qkv + from * HeadDim + unit * 8, is_there);
  }
}

template <int HeadDim>
__device__ void fetch_block(const prefill_attention_params& params, const prefill_place& at, int32_t block,
                            prefill_memory<HeadDim>& memory) {
  constexpr int32_t units = HeadDim / 8;
  shared_tile<HeadDim> keys{memory.keys[block % memory.buffers]},
      values{memory.values[block % memory.buffers]};
  const int32_t* table = params.block_tables + int64_t(at.slice.table_row) * params.table_stride;
#pragma unroll 4
  for (int32_t i = int32_t(threadIdx.x); i < attention_block * units; i += threads) {
    int32_t row = i / units, unit = i % units, position = block * attention_block + row;
    bool is_there = position <= at.last_position;
    int32_t page = is_there ? table[position / page_tokens] : 0;
    const __nv_bfloat16* key = key_row(params.pages, page, at.kv_head, position % page_tokens) + unit * 8;
    copy_16_bytes(keys.address(row, unit), key, is_there);
    copy_16_bytes(values.address(row, unit), key + value_offset(params.pages), is_there);
  }
}

/// Scores of a warp's 16 rows turn into probabilities: p as mma's a for each 16 keys; out: each row's maximum
/// times factor (-inf where the block holds no key for it) and its sum, for rows lane / 4 and + 8.
__device__ void softmax_rows(float factor, float (&s)[16][4], uint32_t (&p)[8][4], float (&m)[2],
                             float (&l)[2]) {
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    float top = -INFINITY;
#pragma unroll
    for (int32_t t = 0; t < 16; ++t)
      top = fmaxf(top, fmaxf(s[t][half * 2], s[t][half * 2 + 1]));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
    m[half] = fmaxf(top, __shfl_xor_sync(~0u, top, 2)) * factor;
    float shift = m[half] == -INFINITY ? 0.0f : m[half]; // no key: all become 0
    float sum = 0.0f;
#pragma unroll
    for (int32_t t = 0; t < 16; t += 2) {
      float of_16 = 0.0f;
#pragma unroll
      for (int32_t u = t; u < t + 2; ++u) {
        float p0 = power_of_two(fmaf(s[u][half * 2], factor, -shift)),
              p1 = power_of_two(fmaf(s[u][half * 2 + 1], factor, -shift));
        of_16 = of_16 + p0 + p1;
        auto pair = __floats2bfloat162_rn(p0, p1);
        p[t / 2][u % 2 * 2 + half] = *reinterpret_cast<uint32_t*>(&pair);
      }
      sum = t == 0 ? of_16 : sum + of_16;
    }
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    l[half] = sum;
  }
}

/// One block of keys for a warp's 16 rows.
template <int HeadDim>
__device__ void attend_block(const prefill_attention_params& params, const prefill_place& at, int32_t block,
                             prefill_memory<HeadDim>& memory, running_softmax (&rows)[2],
                             float (&o)[HeadDim / 8][4]) {
  int32_t warp = int32_t(threadIdx.x) / 32, lane = int32_t(threadIdx.x) % 32;
  shared_tile<HeadDim> queries{memory.queries}, keys{memory.keys[block % memory.buffers]},
      values{memory.values[block % memory.buffers]};
  float s[16][4] = {}, m[2], l[2];
#pragma unroll
  for (int32_t t = 0; t < 8; ++t)
    score_16_keys<HeadDim>(queries, warp * 16, keys, t * 16, s[t * 2], s[t * 2 + 1]);
  int32_t row_position = at.slice.position + at.first_token + warp * 16 + lane / 4;
#pragma unroll
  for (int32_t i = 0; i < 64; ++i) {
    int32_t position = block * attention_block + i / 4 * 8 + lane % 4 * 2 + (i & 1);
    if (position > row_position + (i & 2) * 4)
      s[i / 4][i % 4] = -INFINITY;
  }
  uint32_t p[8][4];
  softmax_rows(params.scale * log2_e, s, p, m, l);
  float old_factor[2], new_factor[2];
#pragma unroll
  for (int32_t half = 0; half < 2; ++half)
    if (m[half] != -INFINITY)
      rows[half].add(m[half], l[half], old_factor[half], new_factor[half]);
#pragma unroll
  for (int32_t t = 0; t < HeadDim / 8; t += 2) {
    float part[2][4] = {};
#pragma unroll
    for (int32_t step = 0; step < 8; ++step)
      weigh_16_keys<HeadDim>(p[step], values, step * 16, t, part[0], part[1]);
#pragma unroll
    for (int32_t i = 0; i < 8; ++i) {
      int32_t half = i % 4 / 2;
      float& out = o[t + i / 4][i % 4];
      if (m[half] != -INFINITY) // a block without keys for the row leaves it as it is, the sign of a zero too
        out = fmaf(part[i / 4][i % 4], new_factor[half], out * old_factor[half]);
    }
  }
}

/// Grid: groups of 64 tokens, the last first (they have most keys); heads; slices.
template <int HeadDim>
__global__ void __launch_bounds__(threads)
    prefill_attention_kernel(const __grid_constant__ prefill_attention_params params) {
  extern __shared__ __align__(128) uint8_t bytes[];
  auto& memory = *reinterpret_cast<prefill_memory<HeadDim>*>(bytes);
  let_next_kernel_start();
  wait_for_previous_kernels();
  prefill_place at;
  at.slice = params.slices[blockIdx.z];
  at.first_token = int32_t(gridDim.x - 1 - blockIdx.x) * query_rows;
  if (at.first_token >= at.slice.tokens)
    return;
  at.head = int32_t(blockIdx.y);
  at.kv_head = at.head / (params.heads / params.pages.kv_heads);
  at.last_position = at.slice.position + min(at.first_token + query_rows, at.slice.tokens) - 1;
  int32_t blocks = at.last_position / attention_block + 1;
  fetch_queries(params, at, memory);
  fetch_block(params, at, 0, memory);
  copies_commit();
  running_softmax rows[2];
  float o[HeadDim / 8][4] = {};
  for (int32_t block = 0; block < blocks; ++block) {
    if (memory.buffers > 1 && block + 1 < blocks)
      fetch_block(params, at, block + 1, memory);
    copies_commit();
    copies_wait<1>();
    __syncthreads();
    attend_block(params, at, block, memory, rows, o);
    __syncthreads(); // before the next copies overwrite this one
    if (memory.buffers == 1 && block + 1 < blocks) {
      fetch_block(params, at, block + 1, memory);
      copies_commit();
    }
  }
  int32_t lane = int32_t(threadIdx.x) % 32;
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    int32_t token = at.first_token + int32_t(threadIdx.x) / 32 * 16 + lane / 4 + half * 8;
    if (token >= at.slice.tokens)
      continue;
    float inverse = 1.0f / rows[half].sum;
    auto* out = reinterpret_cast<__nv_bfloat162*>(params.output) +
                (int64_t(at.slice.first_row + token) * params.heads + at.head) * (HeadDim / 2) + lane % 4;
#pragma unroll
    for (int32_t t = 0; t < HeadDim / 8; ++t)
      out[t * 4] = __floats2bfloat162_rn(o[t][half * 2] * inverse, o[t][half * 2 + 1] * inverse);
  }
}

} // namespace

launch_status prefill_attention_by_warps(const prefill_attention_params& params, const gpu_stream& stream) {
  launch_shape shape{dim3(unsigned((params.tokens_max + query_rows - 1) / query_rows), unsigned(params.heads),
                          unsigned(params.slice_count)),
                     dim3(threads)};
  switch (params.pages.head_dim) {
  case 64:
    shape.shared_bytes = sizeof(prefill_memory<64>);
    return launch(prefill_attention_kernel<64>, shape, stream, params);
  case 128:
    shape.shared_bytes = sizeof(prefill_memory<128>);
    return launch(prefill_attention_kernel<128>, shape, stream, params);
  case 256:
    shape.shared_bytes = sizeof(prefill_memory<256>);
    return launch(prefill_attention_kernel<256>, shape, stream, params);
  default:
    return fail_mismatch(launch_status::shape_mismatch, "params.pages.head_dim", 128, params.pages.head_dim);
  }
}

} // namespace troupe::cuda
