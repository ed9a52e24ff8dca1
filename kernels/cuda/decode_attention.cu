#include "kernels/cuda/attention_block.cuh"
#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/launch.cuh"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;
constexpr int32_t warps = threads / 32;
constexpr int32_t query_rows = 16; // of the mma: the heads that share a key head, then zeros

template <int HeadDim>
struct attention_memory {
  __nv_bfloat16 keys[attention_block * HeadDim]; // then, from its start, sums [warps, 16, 4]
  __nv_bfloat16 values[attention_block * HeadDim];
  __nv_bfloat16 queries[query_rows * HeadDim];
  __nv_bfloat16 probabilities[query_rows * attention_block];
  float maxima[warps][query_rows];
  uint32_t is_last;
};

/// What one block works on.
struct attention_place {
  int32_t sequence, kv_head, block, position, blocks, group;
  int64_t partial; // row of the first head of the group in partials
};

/// Starts the copies of the block's keys and values, without the new token's. Needs nothing of the kernel
/// before.
template <int HeadDim>
__device__ void fetch_earlier_tokens(const decode_attention_params& params, const attention_place& at,
                                     const attention_memory<HeadDim>& memory) {
  constexpr int32_t units = HeadDim / 8;
  shared_tile<HeadDim> keys{const_cast<__nv_bfloat16*>(memory.keys)};
  shared_tile<HeadDim> values{const_cast<__nv_bfloat16*>(memory.values)};
  const int32_t* table = params.block_tables + int64_t(at.sequence) * params.table_stride;
  int32_t first = at.block * attention_block;
#pragma unroll 2
  for (int32_t i = int32_t(threadIdx.x); i < attention_block * units; i += threads) {
    int32_t row = i / units, unit = i % units, position = first + row;
    int32_t place = position / page_tokens;
    int32_t page = place < params.table_stride ? table[place] : 0; // beside the position, not after it
    if (position == at.position)
      continue;
    bool is_there = position < at.position;
    const __nv_bfloat16* key =
        key_row(params.pages, is_there ? page : 0, at.kv_head, position % page_tokens) + unit * 8;
    copy_16_bytes(keys.address(row, unit), key, is_there);
    copy_16_bytes(values.address(row, unit), key + value_offset(params.pages), is_there);
  }
  copies_commit();
}

/// The new token's key and value, from qkv into the last block and into the page.
template <int HeadDim>
__device__ void append_new_token(const decode_attention_params& params, const attention_place& at,
                                 attention_memory<HeadDim>& memory, float2 angle) {
  shared_tile<HeadDim> keys{memory.keys}, values{memory.values};
  const int32_t* table = params.block_tables + int64_t(at.sequence) * params.table_stride;
  const auto* qkv = reinterpret_cast<const __nv_bfloat162*>(params.qkv);
  int32_t kv_heads = params.pages.kv_heads, row = at.position % attention_block;
  int64_t token = int64_t(at.sequence) * (params.heads + 2 * kv_heads);
  auto* key = reinterpret_cast<__nv_bfloat162*>(
      key_row(params.pages, table[at.position / page_tokens], at.kv_head, at.position % page_tokens));
  auto* value = key + value_offset(params.pages) / 2;
  for (int32_t i = int32_t(threadIdx.x); i < HeadDim / 2; i += threads) {
    auto k = rotate(qkv[(token + params.heads + at.kv_head) * (HeadDim / 2) + i], angle);
    auto v = qkv[(token + params.heads + kv_heads + at.kv_head) * (HeadDim / 2) + i];
    keys.pair(row, i) = k;
    values.pair(row, i) = v;
    key[i] = k;
    value[i] = v;
  }
}

/// angle: of pair threadIdx.x % (HeadDim / 2), the only one a thread meets.
template <int HeadDim>
__device__ void rotate_queries(const decode_attention_params& params, const attention_place& at,
                               attention_memory<HeadDim>& memory, float2 angle) {
  constexpr int32_t pairs = HeadDim / 2;
  shared_tile<HeadDim> queries{memory.queries};
  const auto* qkv = reinterpret_cast<const __nv_bfloat162*>(params.qkv);
  int64_t first = int64_t(at.sequence) * (params.heads + 2 * params.pages.kv_heads) + at.kv_head * at.group;
  for (int32_t i = int32_t(threadIdx.x); i < query_rows * pairs; i += threads) {
    int32_t row = i / pairs, pair = i % pairs;
    queries.pair(row, pair) =
        row < at.group ? rotate(qkv[(first + row) * pairs + pair], angle) : __floats2bfloat162_rn(0.0f, 0.0f);
  }
}

/// Scores of this warp's 16 keys, -inf past the new token: s[key half][as mma's d].
template <int HeadDim>
__device__ void score_block(const attention_place& at, const attention_memory<HeadDim>& memory,
                            float (&s)[2][4]) {
  shared_tile<HeadDim> keys{const_cast<__nv_bfloat16*>(memory.keys)};
  shared_tile<HeadDim> queries{const_cast<__nv_bfloat16*>(memory.queries)};
  int32_t warp = int32_t(threadIdx.x) / 32, lane = int32_t(threadIdx.x) % 32;
  score_16_keys<HeadDim>(queries, 0, keys, warp * 16, s[0], s[1]);
#pragma unroll
  for (int32_t i = 0; i < 8; ++i) {
    int32_t position = at.block * attention_block + warp * 16 + i / 4 * 8 + lane % 4 * 2 + (i & 1);
    if (position > at.position)
      s[i / 4][i % 4] = -INFINITY;
  }
}

/// Turns scores into probabilities in shared memory; out: each row's maximum times factor and its sum, for
/// rows lane / 4 and + 8.
template <int HeadDim>
__device__ void softmax_block(attention_memory<HeadDim>& memory, float factor, float (&s)[2][4],
                              float (&m)[2], float (&l)[2]) {
  int32_t warp = int32_t(threadIdx.x) / 32, lane = int32_t(threadIdx.x) % 32, row = lane / 4;
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    float top = fmaxf(fmaxf(s[0][half * 2], s[0][half * 2 + 1]), fmaxf(s[1][half * 2], s[1][half * 2 + 1]));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
    if (lane % 4 == 0)
      memory.maxima[warp][row + half * 8] = top;
  }
  __syncthreads(); // also: every warp has read the keys, whose place the sums take
  auto* sums = reinterpret_cast<float*>(memory.keys);
  shared_tile<attention_block> probabilities{memory.probabilities};
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    int32_t r = row + half * 8;
    float top = memory.maxima[0][r];
#pragma unroll
    for (int32_t w = 1; w < warps; ++w)
      top = fmaxf(top, memory.maxima[w][r]);
    m[half] = top * factor;
    float sum = 0.0f;
#pragma unroll
    for (int32_t tile = 0; tile < 2; ++tile) {
      float p0 = power_of_two(fmaf(s[tile][half * 2], factor, -m[half])),
            p1 = power_of_two(fmaf(s[tile][half * 2 + 1], factor, -m[half]));
      sum = sum + p0 + p1;
      probabilities.pair(r, warp * 8 + tile * 4 + lane % 4) = __floats2bfloat162_rn(p0, p1);
    }
    sums[(warp * query_rows + r) * 4 + lane % 4] = sum;
  }
  __syncthreads();
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    const float* mine = sums + (row + half * 8) * 4 + lane % 4;
    constexpr int32_t stride = query_rows * 4; // from warp to warp
    float sum = mine[0];
#pragma unroll
    for (int32_t w = 1; w < warps; ++w)
      sum += mine[w * stride];
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    l[half] = sum;
  }
}

/// Probabilities times values: this warp's share of head_dim, at least 16 columns, into partials.
template <int HeadDim>
__device__ void weigh_values(const decode_attention_params& params, const attention_place& at,
                             const attention_memory<HeadDim>& memory, const float (&m)[2],
                             const float (&l)[2]) {
  constexpr int32_t columns = HeadDim / warps < 16 ? 16 : HeadDim / warps, tiles = columns / 8;
  shared_tile<attention_block> probabilities{const_cast<__nv_bfloat16*>(memory.probabilities)};
  shared_tile<HeadDim> values{const_cast<__nv_bfloat16*>(memory.values)};
  int32_t warp = int32_t(threadIdx.x) / 32, lane = int32_t(threadIdx.x) % 32;
  if (warp * columns >= HeadDim)
    return;
  float o[tiles][4] = {};
#pragma unroll
  for (int32_t step = 0; step < attention_block / 16; ++step) {
    uint32_t p[4];
    load_matrices(p, probabilities.address(lane % 16, step * 2 + lane / 16));
#pragma unroll
    for (int32_t t = 0; t < tiles; t += 2)
      weigh_16_keys<HeadDim>(p, values, step * 16, warp * tiles + t, o[t], o[t + 1]);
  }
  float* sums_and_maxima = params.partials + int64_t(gridDim.z) * gridDim.y * gridDim.x * at.group * HeadDim;
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    int32_t row = lane / 4 + half * 8;
    if (row >= at.group)
      continue;
    float* out = params.partials + (at.partial + row) * HeadDim + warp * tiles * 8 + lane % 4 * 2;
#pragma unroll
    for (int32_t t = 0; t < tiles; ++t)
      *reinterpret_cast<float2*>(out + t * 8) = {o[t][half * 2], o[t][half * 2 + 1]};
    if (warp == 0 && lane % 4 == 0)
      *reinterpret_cast<float2*>(sums_and_maxima + (at.partial + row) * 2) = {m[half], l[half]};
  }
}

/// The last block to finish for a sequence and key head puts the blocks together, in order.
template <int HeadDim>
__device__ void combine_blocks(const decode_attention_params& params, const attention_place& at) {
  constexpr int32_t fours = HeadDim / 4;
  int64_t first = at.partial - int64_t(at.block) * at.group;
  const auto* partials = reinterpret_cast<const float4*>(params.partials) + first * fours;
  const auto* maxima_and_sums =
      reinterpret_cast<const float2*>(params.partials +
                                      int64_t(gridDim.z) * gridDim.y * gridDim.x * at.group * HeadDim) +
      first;
  for (int32_t i = int32_t(threadIdx.x); i < at.group * fours; i += threads) {
    int32_t head = i / fours;
    running_softmax row;
    float o[4] = {}, old_factor, factor;
#pragma unroll 8
    for (int32_t b = 0; b < at.blocks; ++b) {
      float2 ml = __ldcg(maxima_and_sums + b * at.group + head);
      float4 part = __ldcg(partials + int64_t(b) * at.group * fours + i);
      row.add(ml.x, ml.y, old_factor, factor);
      o[0] = fmaf(part.x, factor, o[0] * old_factor);
      o[1] = fmaf(part.y, factor, o[1] * old_factor);
      o[2] = fmaf(part.z, factor, o[2] * old_factor);
      o[3] = fmaf(part.w, factor, o[3] * old_factor);
    }
    float inverse = 1.0f / row.sum;
    __nv_bfloat162 out[2] = {__floats2bfloat162_rn(o[0] * inverse, o[1] * inverse),
                             __floats2bfloat162_rn(o[2] * inverse, o[3] * inverse)};
    int64_t first_head = int64_t(at.sequence) * params.heads + at.kv_head * at.group;
    reinterpret_cast<uint2*>(params.output)[first_head * fours + i] = *reinterpret_cast<uint2*>(out);
  }
}

/// Grid: attention blocks, key heads, sequences.
template <int HeadDim>
__global__ void __launch_bounds__(threads)
    decode_attention_kernel(const __grid_constant__ decode_attention_params params) {
  extern __shared__ __align__(128) uint8_t bytes[];
  auto& memory = *reinterpret_cast<attention_memory<HeadDim>*>(bytes);
  let_next_kernel_start();
  attention_place at;
  at.block = int32_t(blockIdx.x);
  at.kv_head = int32_t(blockIdx.y);
  at.sequence = int32_t(blockIdx.z);
  at.position = params.positions[at.sequence];
  at.blocks = at.position / attention_block + 1;
  at.group = params.heads / params.pages.kv_heads;
  at.partial = ((int64_t(at.sequence) * gridDim.y + at.kv_head) * gridDim.x + at.block) * at.group;
  float2 angle{};
  if (at.block < at.blocks) {
    fetch_earlier_tokens(params, at, memory);
    constexpr int32_t pairs = HeadDim / 2;
    angle = reinterpret_cast<const float2*>(
        params.rope_table)[int64_t(at.position) * pairs + threadIdx.x % pairs];
  }
  wait_for_previous_kernels();
  if (at.block >= at.blocks)
    return;
  rotate_queries(params, at, memory, angle);
  if (at.block == at.blocks - 1)
    append_new_token(params, at, memory, angle);
  copies_wait<0>();
  __syncthreads();
  float s[2][4] = {}, m[2], l[2];
  score_block(at, memory, s);
  softmax_block(memory, params.scale * log2_e, s, m, l);
  weigh_values(params, at, memory, m, l);
  __syncthreads();
  uint32_t* counter = params.counters + at.sequence * int32_t(gridDim.y) + at.kv_head;
  if (threadIdx.x == 0) { // one thread's fences serve the block: they are cumulative over its barriers
    __threadfence();
    memory.is_last = atomicAdd(counter, 1u) + 1 == uint32_t(at.blocks) ? 1u : 0u;
    __threadfence();
  }
  __syncthreads();
  if (memory.is_last == 0)
    return;
  combine_blocks<HeadDim>(params, at);
  if (threadIdx.x == 0)
    *counter = 0;
}

launch_status check(const decode_attention_params& params) {
  TROUPE_CUDA_POINTER(params.qkv, 16);
  TROUPE_CUDA_POINTER(params.rope_table, 16);
  TROUPE_CUDA_POINTER(params.positions, 4);
  TROUPE_CUDA_POINTER(params.block_tables, 4);
  TROUPE_CUDA_POINTER(params.pages.base, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_POINTER(params.partials, 16);
  TROUPE_CUDA_POINTER(params.counters, 4);
  TROUPE_CUDA_RANGE(params.pages.kv_heads, 1, 256);
  TROUPE_CUDA_RANGE(params.heads, params.pages.kv_heads, params.pages.kv_heads * query_rows);
  TROUPE_CUDA_MULTIPLE(params.heads, params.pages.kv_heads);
  TROUPE_CUDA_RANGE(params.pages.page_stride, kv_page_elements(params.pages.kv_heads, params.pages.head_dim),
                    int64_t(1) << 40);
  TROUPE_CUDA_MULTIPLE(params.pages.page_stride, 8);
  TROUPE_CUDA_RANGE(params.sequences, 1, 65535);
  TROUPE_CUDA_RANGE(params.context_max, 1, 1 << 22);
  TROUPE_CUDA_RANGE(params.table_positions, params.context_max, 1 << 24);
  TROUPE_CUDA_RANGE(params.table_stride, pages_of(params.context_max), 1 << 20);
  return launch_status::ok;
}

} // namespace

launch_status decode_attention(const decode_attention_params& params, const gpu_stream& stream) {
  if (auto s = check(params); s != launch_status::ok)
    return s;
  launch_shape shape{dim3(unsigned((params.context_max + attention_block - 1) / attention_block),
                          unsigned(params.pages.kv_heads), unsigned(params.sequences)),
                     dim3(threads)};
  switch (params.pages.head_dim) {
  case 64:
    shape.shared_bytes = sizeof(attention_memory<64>);
    return launch(decode_attention_kernel<64>, shape, stream, params);
  case 128:
    shape.shared_bytes = sizeof(attention_memory<128>);
    return launch(decode_attention_kernel<128>, shape, stream, params);
  case 256:
    shape.shared_bytes = sizeof(attention_memory<256>);
    return launch(decode_attention_kernel<256>, shape, stream, params);
  default:
    return fail_mismatch(launch_status::shape_mismatch, "params.pages.head_dim", 128, params.pages.head_dim);
  }
}

} // namespace troupe::cuda
