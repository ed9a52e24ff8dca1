#pragma once

#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/ring_cursor.cuh"
#include "kernels/cuda/silu.cuh"

#include <cuda_bf16.h>

namespace troupe::cuda {

inline constexpr int32_t linear_consumers = 128;                 // one warpgroup multiplies
inline constexpr int32_t linear_threads = linear_consumers + 32; // and one warp fetches
inline constexpr int32_t ring_stages_max = 32;
inline constexpr int32_t ring_header_bytes = 1024; // barriers; keeps stages on the swizzle's 1,024 bytes
inline constexpr int32_t row_bytes = 128;          // 64 bf16

struct linear_plan {
  void* output;
  int32_t tokens, n;
  linear_result result;
  int32_t tile_rows, rounds; // rounds: tiles of one block
  int32_t k_stages;          // of one tile
  int32_t stages;            // in the ring
  bool one_copy;             // brings all chunks of a stage
};

/// 64-column chunks of a stage: few rows want many columns, or the barriers cost more than the bytes.
constexpr __host__ __device__ int32_t chunks_of(int32_t tiles_of_64) {
  return tiles_of_64 == 1 ? 4 : tiles_of_64 == 2 ? 2 : 1;
}

/// The ring's addresses.
struct linear_ring {
  uint32_t base;
  int32_t weight_chunk_bytes, input_chunk_bytes, weight_bytes, stage_bytes;

  __device__ uint32_t full(int32_t stage) const { return base + uint32_t(stage) * 8; }
  __device__ uint32_t empty(int32_t stage) const { return base + uint32_t(ring_stages_max + stage) * 8; }
  __device__ uint32_t weight(int32_t stage) const {
    return base + ring_header_bytes + uint32_t(stage) * uint32_t(stage_bytes);
  }
  __device__ uint32_t input(int32_t stage) const { return weight(stage) + uint32_t(weight_bytes); }
};

/// The fetching thread: weights as early as the ring has room, inputs once the previous kernel has ended.
template <int Chunks>
struct linear_producer {
  const CUtensorMap* weight_map;
  const CUtensorMap* input_map;
  const linear_plan& plan;
  const linear_ring& ring;

  __device__ void fetch(uint32_t target, const CUtensorMap* map, int32_t row, int32_t k_stage,
                        int32_t chunk_bytes, int32_t stage, uint64_t policy) const {
    if (plan.one_copy) {
      tensor_copy(target, map, 0, row, k_stage * Chunks, ring.full(stage), policy);
      return;
    }
#pragma unroll 1
    for (int32_t c = 0; c < Chunks; ++c)
      tensor_copy(target + uint32_t(c * chunk_bytes), map, (k_stage * Chunks + c) * 64, row, 0,
                  ring.full(stage), policy);
  }

  __device__ void fetch_weights(int32_t tile, int32_t k_stage, int32_t stage) const {
    barrier_expect_bytes(ring.full(stage), uint32_t(ring.stage_bytes));
    fetch(ring.weight(stage), weight_map, tile * plan.tile_rows, k_stage, ring.weight_chunk_bytes, stage,
          evict_first);
  }

  __device__ void fetch_input(int32_t k_stage, int32_t stage) const {
    fetch(ring.input(stage), input_map, 0, k_stage, ring.input_chunk_bytes, stage, evict_last);
  }

  /// The next item's place: k stages of a tile, then the block's next tile.
  __device__ void advance(int32_t& tile, int32_t& k_stage) const {
    if (++k_stage == plan.k_stages) {
      k_stage = 0;
      tile += int32_t(gridDim.x);
    }
  }

  __device__ void run() const {
    int32_t items = plan.rounds * plan.k_stages;
    int32_t ahead = min(items, plan.stages);
    int32_t tile = int32_t(blockIdx.x), k_stage = 0;
    tensor_map_prefetch(input_map);
#pragma unroll 1
    for (int32_t i = 0; i < ahead; ++i) {
      fetch_weights(tile, k_stage, i);
      advance(tile, k_stage);
    }
    wait_for_previous_kernels(); // orders the copy engine's reads too
#pragma unroll 1
    for (int32_t i = 0, unused = 0, input_stage = 0; i < ahead; ++i) {
      fetch_input(input_stage, i);
      advance(unused, input_stage);
    }
    ring_cursor at;
#pragma unroll 1
    for (int32_t i = ahead; i < items; ++i) {
      barrier_wait(ring.empty(at.stage), at.parity);
      fetch_weights(tile, k_stage, at.stage);
      fetch_input(k_stage, at.stage);
      at.advance(plan.stages);
      advance(tile, k_stage);
    }
  }
};

/// Calls visit(i, place in the output) for each element i that a thread holds of 64 rows of a tile: `first`
/// is the weight row of its first, `end` the tile's end.
template <int Columns, class Visit>
__device__ void each_output(const linear_plan& plan, int32_t first, int32_t end, int32_t first_token,
                            Visit&& visit) {
#pragma unroll
  for (int32_t i = 0; i < Columns / 2; ++i) {
    int32_t token = first_token + (i / 4) * 8 + (i & 1);
    int32_t row = first + ((i >> 1) & 1) * 8;
    if (token < plan.tokens && row < end)
      visit(i, int64_t(token) * plan.n + row);
  }
}

/// What add_to_fp32 adds to; fetched before the product, whose end would wait for it.
template <int Columns>
__device__ void load_rows(const linear_plan& plan, float (&old)[Columns / 2], int32_t first, int32_t end,
                          int32_t first_token) {
  if (plan.result == linear_result::add_to_fp32)
    each_output<Columns>(plan, first, end, first_token,
                         [&](int32_t i, int64_t at) { old[i] = static_cast<const float*>(plan.output)[at]; });
}

template <int Columns>
__device__ void store_rows(const linear_plan& plan, const float (&d)[Columns / 2],
                           const float (&old)[Columns / 2], int32_t first, int32_t end, int32_t first_token) {
  auto each = [&](auto&& visit) { each_output<Columns>(plan, first, end, first_token, visit); };
  if (plan.result == linear_result::bf16_rows) {
    auto* out = static_cast<__nv_bfloat16*>(plan.output);
    each([&](int32_t i, int64_t at) { out[at] = __float2bfloat16_rn(d[i]); });
  } else if (plan.result == linear_result::fp32_rows) {
    auto* out = static_cast<float*>(plan.output);
    each([&](int32_t i, int64_t at) { out[at] = d[i]; });
  } else if (plan.result == linear_result::add_to_fp32) {
    auto* out = static_cast<float*>(plan.output);
    each([&](int32_t i, int64_t at) { out[at] = old[i] + d[i]; });
  } else {
    auto* out = static_cast<__nv_bfloat16*>(plan.output);
    int32_t column = first / 16 * 8 + first % 8;
#pragma unroll
    for (int32_t i = 0; i < Columns / 2; ++i) {
      int32_t token = first_token + (i / 4) * 8 + (i & 1);
      if ((i & 2) == 0 && token < plan.tokens && first < end) {
        out[int64_t(token) * (plan.n / 2) + column] =
            silu_times(__float2bfloat16_rn(d[i]), __float2bfloat16_rn(d[i | 2]));
      }
    }
  }
}

template <int Tiles, int Columns>
__device__ void multiply(const linear_plan& plan, const linear_ring& ring) {
  constexpr int32_t chunks = chunks_of(Tiles);
  int32_t warp = int32_t(threadIdx.x) / 32, lane = int32_t(threadIdx.x) % 32;
  auto release = [&](int32_t stage) {
    if (lane == 0)
      barrier_arrive(ring.empty(stage));
  };
  uint64_t weight_step = uint64_t(ring.weight_chunk_bytes / 16); // descriptors count 16 bytes
  ring_cursor at;
#pragma unroll 1
  for (int32_t round = 0; round < plan.rounds; ++round) {
    int32_t tile = int32_t(blockIdx.x) + round * int32_t(gridDim.x);
    int32_t first = tile * plan.tile_rows + warp * 16 + lane / 4,
            end = min((tile + 1) * plan.tile_rows, plan.n);
    float d[Tiles][Columns / 2] = {}, old[Columns / 2] = {};
    load_rows<Columns>(plan, old, first, end, lane % 4 * 2);
    int32_t previous = -1;
#pragma unroll 1
    for (int32_t s = 0; s < plan.k_stages; ++s) {
      uint64_t weights = swizzled_matrix(ring.weight(at.stage));
      uint64_t inputs = swizzled_matrix(ring.input(at.stage));
      barrier_wait(ring.full(at.stage), at.parity);
      wgmma_fence();
#pragma unroll
      for (int32_t c = 0; c < chunks; ++c)
#pragma unroll
        for (int32_t step = 0; step < 4; ++step) // 16 columns are 32 bytes
#pragma unroll
          for (int32_t t = 0; t < Tiles; ++t)
            wgmma<Columns>(d[t], weights + uint64_t(c) * weight_step + uint64_t(t * 512 + step * 2),
                           inputs + uint64_t(c * Columns * row_bytes / 16 + step * 2));
      wgmma_commit();
      wgmma_wait<1>();
      if (previous >= 0)
        release(previous);
      previous = at.stage;
      at.advance(plan.stages);
    }
    wgmma_wait<0>();
    release(previous);
#pragma unroll
    for (int32_t t = 0; t < Tiles; ++t) {
      if (t > 0)
        load_rows<Columns>(plan, old, first + t * 64, end, lane % 4 * 2);
      store_rows<Columns>(plan, d[t], old, first + t * 64, end, lane % 4 * 2);
    }
  }
}

/// One block: tiles blockIdx.x, + gridDim.x, ... of tile_rows weight rows (at most 64 * Tiles), all tokens
/// (at most Columns). Weights are wgmma's A, 64 rows at a time; rows past tile_rows are garbage that nobody
/// stores.
template <int Tiles, int Columns>
__global__ void __launch_bounds__(linear_threads)
    linear_kernel(const __grid_constant__ CUtensorMap weight_map,
                  const __grid_constant__ CUtensorMap input_map, const __grid_constant__ linear_plan plan) {
  extern __shared__ uint8_t memory[];
  constexpr int32_t chunks = chunks_of(Tiles);
  linear_ring ring;
  ring.base = (shared_address(memory) + 1023) & ~1023u;
  ring.weight_chunk_bytes = plan.tile_rows * row_bytes;
  ring.input_chunk_bytes = Columns * row_bytes;
  ring.weight_bytes = chunks * ring.weight_chunk_bytes;
  ring.stage_bytes = ring.weight_bytes + chunks * ring.input_chunk_bytes;
  if (threadIdx.x == 0) {
#pragma unroll 1
    for (int32_t s = 0; s < plan.stages; ++s) {
      barrier_init(ring.full(s), 1);
      barrier_init(ring.empty(s), linear_consumers / 32);
    }
    barrier_init_fence();
  }
  __syncthreads();
  let_next_kernel_start();
  if (threadIdx.x >= linear_consumers) {
    if (threadIdx.x == linear_consumers)
      linear_producer<chunks>{&weight_map, &input_map, plan, ring}.run();
  } else {
    wait_for_previous_kernels(); // also before the output, which they may still read
    multiply<Tiles, Columns>(plan, ring);
  }
}

struct linear_launch {
  CUtensorMap weight_map, input_map;
  linear_plan plan;
  int32_t blocks, shared_bytes, tiles_of_64;
};

template <int Columns>
launch_status launch_linear(const linear_launch& prepared, const gpu_stream& stream);

} // namespace troupe::cuda
