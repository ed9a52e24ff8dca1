#include "kernels/cuda/attention_block.cuh"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/prefill_attention_kernels.cuh"
#include "kernels/cuda/ptx_warpgroup.cuh"
#include "kernels/cuda/ring_cursor.cuh"
#include "kernels/cuda/tensor_map.cuh"

#include <algorithm>

namespace troupe::cuda {

namespace {

// Two warpgroups attend, 64 query rows each, in turns: while one computes probabilities the other has the
// tensor cores. A third fetches. Source: FlashAttention-3 (Shah et al. 2024), section 3.1; but a block's
// output has an accumulator of its own, since the numeric definition adds whole blocks.
constexpr int32_t attenders = 2;
constexpr int32_t attending_threads = attenders * 128;
constexpr int32_t threads = attending_threads + 128;
constexpr int32_t query_rows = attenders * 64;
constexpr int32_t stages = 2; // key blocks, and value blocks, in shared memory
constexpr int32_t block_pages = attention_block / page_tokens;
constexpr uint32_t page_chunk_bytes = page_tokens * 128; // 64 columns of a page
constexpr uint32_t chunk_bytes = attention_block * 128;  // 64 columns of a block
constexpr uint32_t query_chunk_bytes = 64 * 128;

enum : int32_t { turn_barrier = 1, tail_barrier = 3 }; // + attender

template <int HeadDim>
struct __align__(1024) hopper_memory {
  uint8_t queries[attenders][HeadDim / 64 * query_chunk_bytes];
  uint8_t keys[stages][HeadDim / 64 * chunk_bytes];
  uint8_t values[stages][HeadDim / 64 * chunk_bytes];
  uint64_t queries_full, queries_empty, keys_full[stages], keys_empty[stages], values_full[stages],
      values_empty[stages];
};

/// What a block works on: up to 128 tokens of a slice, one head.
struct hopper_place {
  prefill_slice slice;
  int32_t first_token, last_position, blocks, head;
};

struct hopper_plan {
  prefill_attention_params params;
  int32_t tiles; // of the longest slice
};

/// The block's item of a round, longest first and every other round backwards, which evens out the sums.
/// False where it has none.
__device__ bool find_place(const hopper_plan& plan, int32_t round, hopper_place& at) {
  int32_t grid = int32_t(gridDim.x), block = int32_t(blockIdx.x);
  int32_t index = round * grid + (round % 2 == 0 ? block : grid - 1 - block);
  int32_t a_tile = plan.params.heads * plan.params.slice_count;
  if (index >= plan.tiles * a_tile)
    return false;
  at.slice = plan.params.slices[index % a_tile / plan.params.heads];
  at.head = index % plan.params.heads;
  at.first_token = (plan.tiles - 1 - index / a_tile) * query_rows;
  at.last_position = at.slice.position + min(at.first_token + query_rows, at.slice.tokens) - 1;
  at.blocks = at.last_position / attention_block + 1;
  return at.first_token < at.slice.tokens;
}

__device__ int32_t rounds_of(const hopper_plan& plan) {
  int32_t items = plan.tiles * plan.params.heads * plan.params.slice_count;
  return (items + int32_t(gridDim.x) - 1) / int32_t(gridDim.x);
}

/// One warp; a lane copies one page's 64 columns of keys and of values.
template <int HeadDim>
struct hopper_producer {
  const CUtensorMap* query_map;
  const CUtensorMap* page_map;
  const hopper_plan& plan;
  hopper_memory<HeadDim>& memory;
  ring_cursor at_block;
  uint32_t query_parity = 1;
  static constexpr int32_t chunks = HeadDim / 64;
  __device__ int32_t find_page(const hopper_place& at, int32_t block) const {
    int32_t place = block * block_pages + int32_t(threadIdx.x) % block_pages;
    bool is_there = place * page_tokens <= at.last_position;
    return is_there ? plan.params.block_tables[int64_t(at.slice.table_row) * plan.params.table_stride + place]
                    : -1;
  }
  __device__ void fetch(uint8_t* target, uint64_t& full, uint64_t& empty, int32_t page, int32_t head) {
    int32_t lane = int32_t(threadIdx.x) % 32;
    uint32_t barrier = shared_address(&full);
    barrier_wait(shared_address(&empty), at_block.parity ^ 1);
    if (lane == 0)
      barrier_expect_bytes(barrier, chunks * chunk_bytes);
    __syncwarp();
    if (lane < block_pages * chunks)
      tensor_copy(shared_address(target) + lane / block_pages * chunk_bytes +
                      lane % block_pages * page_chunk_bytes,
                  page_map, 0, 0, lane / block_pages, head, page, barrier, evict_last);
  }
  __device__ void run() {
    int32_t rounds = rounds_of(plan), kv_heads = plan.params.pages.kv_heads;
    hopper_place at;
    for (int32_t round = 0; round < rounds; ++round) {
      if (!find_place(plan, round, at))
        continue;
      int32_t page = find_page(at, 0), kv_head = at.head / (plan.params.heads / kv_heads);
      barrier_wait(shared_address(&memory.queries_empty), query_parity);
      query_parity ^= 1;
      if (threadIdx.x % 32 == 0) {
        uint32_t barrier = shared_address(&memory.queries_full);
        barrier_expect_bytes(barrier, sizeof memory.queries);
        for (int32_t i = 0; i < attenders; ++i)
          tensor_copy(shared_address(memory.queries[i]), query_map, 0,
                      at.slice.first_row + at.first_token + i * 64, at.head * chunks, barrier, evict_first);
      }
      for (int32_t block = 0; block < at.blocks; ++block) {
        int32_t next_page = block + 1 < at.blocks ? find_page(at, block + 1) : 0, s = at_block.stage;
        fetch(memory.keys[s], memory.keys_full[s], memory.keys_empty[s], page, kv_head);
        fetch(memory.values[s], memory.values_full[s], memory.values_empty[s], page, kv_heads + kv_head);
        at_block.advance(stages);
        page = next_page;
      }
    }
  }
};

/// Of a thread's two rows: lane / 4 of the warp's 16, and that + 8.
struct block_softmax {
  float top[2], sum[2]; // top: times factor, -inf without a key
};

/// Scores turn into probabilities, as wgmma's a for each 16 keys.
template <bool Masked>
__device__ __forceinline__ void softmax_scores(const float (&s)[64], float factor, uint32_t (&p)[32],
                                               block_softmax& out) {
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    float top = fmaxf(s[half * 2], s[half * 2 + 1]);
#pragma unroll
    for (int32_t t = 1; t < 16; ++t)
      top = fmaxf(top, fmaxf(s[t * 4 + half * 2], s[t * 4 + half * 2 + 1]));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
    out.top[half] = top * factor;
  }
#pragma unroll
  for (int32_t half = 0; half < 2; ++half) {
    float shift = Masked && out.top[half] == -INFINITY ? 0.0f : out.top[half];
    float sum = 0.0f;
#pragma unroll
    for (int32_t t = 0; t < 16; t += 2) {
      float of_16 = 0.0f;
#pragma unroll
      for (int32_t u = t; u < t + 2; ++u) {
        float p0 = power_of_two(fmaf(s[u * 4 + half * 2], factor, -shift)),
              p1 = power_of_two(fmaf(s[u * 4 + half * 2 + 1], factor, -shift));
        of_16 = u == t ? p0 + p1 : of_16 + p0 + p1;
        auto pair = __floats2bfloat162_rn(p0, p1);
        p[u * 2 + half] = *reinterpret_cast<uint32_t*>(&pair);
      }
      sum = t == 0 ? of_16 : sum + of_16;
    }
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    out.sum[half] = sum;
  }
}

/// o = fma(part, new factor, o * old factor) for the rows that have a key in the block.
template <bool Masked, int Count>
__device__ __forceinline__ void add_block(const block_softmax& block, const float (&part)[Count],
                                          running_softmax (&rows)[2], float (&o)[Count]) {
  float old_factor[2] = {1.0f, 1.0f}, new_factor[2] = {};
  bool grows = false;
#pragma unroll
  for (int32_t half = 0; half < 2; ++half)
    if (!Masked || block.top[half] != -INFINITY) {
      grows = grows || block.top[half] > rows[half].top;
      rows[half].add(block.top[half], block.sum[half], old_factor[half], new_factor[half]);
    }
  if (Masked || __any_sync(~0u, grows)) {
#pragma unroll
    for (int32_t i = 0; i < Count; ++i)
      if (!Masked || block.top[i % 4 / 2] != -INFINITY) // leaves the sign of a zero too
        o[i] = fmaf(part[i], new_factor[i % 4 / 2], o[i] * old_factor[i % 4 / 2]);
  } else { // the old factors are 1
#pragma unroll
    for (int32_t i = 0; i < Count; ++i)
      o[i] = fmaf(part[i], new_factor[i % 4 / 2], o[i]);
  }
}

template <int HeadDim>
struct hopper_attender {
  const hopper_plan& plan;
  hopper_memory<HeadDim>& memory;
  int32_t index; // 0 or 1
  ring_cursor at_keys, at_values;
  uint32_t query_parity = 0;
  static constexpr int32_t chunks = HeadDim / 64;
  __device__ __forceinline__ void release(uint64_t& barrier) const {
    if (threadIdx.x % 32 == 0)
      barrier_arrive(shared_address(&barrier));
  }

  __device__ __forceinline__ void start_scores(float (&s)[64]) {
    uint64_t queries = swizzled_matrix(shared_address(memory.queries[index]));
    uint64_t keys = swizzled_matrix(shared_address(memory.keys[at_keys.stage]));
    barrier_wait(shared_address(&memory.keys_full[at_keys.stage]), at_keys.parity);
    pin(s);
    wgmma_fence();
#pragma unroll
    for (int32_t c = 0; c < chunks; ++c)
#pragma unroll
      for (int32_t step = 0; step < 4; ++step) // 16 columns are 32 bytes
        wgmma_scores<128>(s, queries + uint64_t(c * (query_chunk_bytes / 16) + step * 2),
                          keys + uint64_t(c * (chunk_bytes / 16) + step * 2), c + step > 0);
    wgmma_commit();
  }

  __device__ __forceinline__ void finish_scores(float (&s)[64]) {
    wgmma_wait<0>();
    pin(s);
    release(memory.keys_empty[at_keys.stage]);
    at_keys.advance(stages);
  }

  __device__ __forceinline__ void weigh_values(const uint32_t (&p)[32], float (&part)[HeadDim / 2]) {
    uint64_t values = swizzled_matrix_n_major(shared_address(memory.values[at_values.stage]), chunk_bytes);
    pin(part);
    wgmma_fence();
#pragma unroll
    for (int32_t step = 0; step < 8; ++step) { // 16 keys are 2,048 bytes
      uint32_t a[4] = {p[step * 4], p[step * 4 + 1], p[step * 4 + 2], p[step * 4 + 3]};
      wgmma_weigh<HeadDim>(part, a, values + uint64_t(step * 128), step > 0);
    }
    wgmma_commit();
  }

  /// Rows past the last position in its page hold anything, and 0 times NaN is NaN.
  __device__ void clear_tail(int32_t last_position) {
    int32_t first = (last_position + 1) % attention_block,
            rows = (page_tokens - first % page_tokens) % page_tokens;
    uint8_t* values = memory.values[at_values.stage];
    for (int32_t i = int32_t(threadIdx.x) % 128; i < rows * chunks * 8; i += 128) {
      int32_t unit = i % 8, row = first + i / 8 % rows, chunk = i / 8 / rows;
      *reinterpret_cast<uint4*>(values + chunk * chunk_bytes + row * 128 + unit * 16) = uint4{};
    }
    shared_writes_fence();
    named_barrier_wait(tail_barrier + index, 128);
  }

  __device__ __forceinline__ void mask(float (&s)[64], int32_t first_key, int32_t row_position) const {
#pragma unroll
    for (int32_t i = 0; i < 64; ++i)
      if (first_key + i / 4 * 8 + int32_t(threadIdx.x) % 4 * 2 + (i & 1) > row_position + (i & 2) * 4)
        s[i] = -INFINITY;
  }

  __device__ void store(const hopper_place& at, const running_softmax (&rows)[2],
                        const float (&o)[HeadDim / 2]) const {
    int32_t lane = int32_t(threadIdx.x) % 32;
#pragma unroll
    for (int32_t half = 0; half < 2; ++half) {
      int32_t token =
          at.first_token + index * 64 + int32_t(threadIdx.x) % 128 / 32 * 16 + lane / 4 + half * 8;
      if (token >= at.slice.tokens)
        continue;
      float inverse = 1.0f / rows[half].sum;
      auto* out = reinterpret_cast<__nv_bfloat162*>(plan.params.output) +
                  (int64_t(at.slice.first_row + token) * plan.params.heads + at.head) * (HeadDim / 2) +
                  lane % 4;
#pragma unroll
      for (int32_t t = 0; t < HeadDim / 8; ++t)
        out[t * 4] = __floats2bfloat162_rn(o[t * 4 + half * 2] * inverse, o[t * 4 + half * 2 + 1] * inverse);
    }
  }

  /// One block of keys whose scores are ready; makes the next block's scores, which take s.
  template <bool Masked, bool Last>
  __device__ __forceinline__ void attend_block(const hopper_place& at, int32_t block, int32_t row_position,
                                               float (&s)[64], running_softmax (&rows)[2],
                                               float (&o)[HeadDim / 2]) {
    uint32_t p[32];
    float part[HeadDim / 2];
    block_softmax softmax;
    if (Masked)
      mask(s, block * attention_block, row_position);
    softmax_scores<Masked>(s, plan.params.scale * log2_e, p, softmax);
    barrier_wait(shared_address(&memory.values_full[at_values.stage]), at_values.parity);
    if (Last && (at.last_position + 1) % page_tokens != 0)
      clear_tail(at.last_position);
    named_barrier_wait(turn_barrier + index, attending_threads);
    weigh_values(p, part);
    wgmma_wait<0>();
    pin(part);
    release(memory.values_empty[at_values.stage]);
    at_values.advance(stages);
    if constexpr (!Last)
      start_scores(s);
    named_barrier_arrive(turn_barrier + (index ^ 1), attending_threads);
    add_block<Masked>(softmax, part, rows, o);
    if constexpr (!Last)
      finish_scores(s);
  }

  __device__ void run() {
    int32_t rounds = rounds_of(plan);
    hopper_place at;
    if (index == 1)
      named_barrier_arrive(turn_barrier, attending_threads);
    for (int32_t round = 0; round < rounds; ++round) {
      if (!find_place(plan, round, at))
        continue;
      float s[64], o[HeadDim / 2] = {};
      running_softmax rows[2];
      int32_t first_position = at.slice.position + at.first_token + index * 64;
      int32_t row_position =
          first_position + int32_t(threadIdx.x) % 128 / 32 * 16 + int32_t(threadIdx.x) % 32 / 4;
      int32_t open = min((first_position + 1) / attention_block, at.blocks - 1); // blocks without a mask
      barrier_wait(shared_address(&memory.queries_full), query_parity);
      query_parity ^= 1;
      start_scores(s);
      finish_scores(s);
#pragma unroll 1
      for (int32_t block = 0; block < open; ++block)
        attend_block<false, false>(at, block, row_position, s, rows, o);
#pragma unroll 1
      for (int32_t block = open; block + 1 < at.blocks; ++block)
        attend_block<true, false>(at, block, row_position, s, rows, o);
      release(memory.queries_empty);
      attend_block<true, true>(at, at.blocks - 1, row_position, s, rows, o);
      store(at, rows, o);
    }
  }
};

template <int HeadDim>
__global__ void __launch_bounds__(threads, 1)
    hopper_attention_kernel(const __grid_constant__ CUtensorMap query_map,
                            const __grid_constant__ CUtensorMap page_map,
                            const __grid_constant__ hopper_plan plan) {
  extern __shared__ uint8_t bytes[];
  auto& memory =
      *reinterpret_cast<hopper_memory<HeadDim>*>(bytes + (1024 - shared_address(bytes) % 1024) % 1024);
  if (threadIdx.x == 0) {
    barrier_init(shared_address(&memory.queries_full), 1);
    barrier_init(shared_address(&memory.queries_empty), attending_threads / 32);
    for (int32_t s = 0; s < stages; ++s) {
      barrier_init(shared_address(&memory.keys_full[s]), 1);
      barrier_init(shared_address(&memory.values_full[s]), 1);
      barrier_init(shared_address(&memory.keys_empty[s]), attending_threads / 32);
      barrier_init(shared_address(&memory.values_empty[s]), attending_threads / 32);
    }
    barrier_init_fence();
    tensor_map_prefetch(&query_map);
    tensor_map_prefetch(&page_map);
  }
  __syncthreads();
  let_next_kernel_start();
  wait_for_previous_kernels();
  int32_t group = int32_t(threadIdx.x) / 128;
  if (group == attenders) {
    registers_lower<24>();
    if (threadIdx.x < attending_threads + 32)
      hopper_producer<HeadDim>{&query_map, &page_map, plan, memory, {}}.run();
  } else {
    registers_raise<240>();
    hopper_attender<HeadDim>{plan, memory, group, {}, {}}.run();
  }
}

} // namespace

launch_status prefill_attention_by_warpgroups(const prefill_attention_params& params,
                                              const gpu_stream& stream) {
  device_facts device;
  if (auto s = find_device_facts(device); s != launch_status::ok)
    return s;
  CUtensorMap query_map, page_map;
  int32_t head_dim = params.pages.head_dim;
  if (auto s =
          make_matrix_map(query_map, params.qkv, params.rows,
                          int64_t(params.heads + 2 * params.pages.kv_heads) * head_dim, 64, head_dim / 64);
      s != launch_status::ok)
    return s;
  if (auto s = make_pages_map(page_map, params.pages); s != launch_status::ok)
    return s;
  hopper_plan plan{params, (params.tokens_max + query_rows - 1) / query_rows};
  int64_t items = int64_t(plan.tiles) * params.heads * params.slice_count;
  TROUPE_CUDA_RANGE(items, 1, 1 << 30);
  launch_shape shape{dim3(unsigned(std::min<int64_t>(items, device.multiprocessors))), dim3(threads)};
  if (head_dim == 64) {
    shape.shared_bytes = sizeof(hopper_memory<64>) + 1024;
    return launch(hopper_attention_kernel<64>, shape, stream, query_map, page_map, plan);
  }
  shape.shared_bytes = sizeof(hopper_memory<128>) + 1024;
  return launch(hopper_attention_kernel<128>, shape, stream, query_map, page_map, plan);
}

} // namespace troupe::cuda
