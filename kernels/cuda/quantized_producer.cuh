#pragma once

#include "kernels/cuda/quantized_cell.cuh"
#include "kernels/cuda/quantized_plan.cuh"
#include "kernels/cuda/ring_cursor.cuh"

namespace troupe::cuda {

/// The fetching warp: a lane a granule or token row; weights as early as the ring has room, inputs once the
/// previous kernel has ended.
template <weight_format Format>
struct quantized_producer {
  const quantized_plan& plan;
  const quantized_ring& ring;

  __device__ int32_t cells_in(int32_t k_stage) const {
    int32_t cells = (plan.k + cell_columns - 1) / cell_columns;
    return min(plan.stage_cells, cells - k_stage * plan.stage_cells);
  }

  __device__ int32_t columns_in(int32_t k_stage) const {
    int32_t first = k_stage * plan.stage_cells * cell_columns;
    return min(plan.stage_cells * cell_columns, plan.k - first);
  }

  __device__ void fetch_weights(int32_t tile, int32_t k_stage, int32_t stage) const {
    int32_t lane = int32_t(threadIdx.x) % 32, first = tile * plan.tile_granules;
    int32_t count = max(0, min(plan.tile_granules, plan.granules - first)),
            cells = (plan.k + cell_columns - 1) / cell_columns;
    uint32_t bytes = uint32_t(cells_in(k_stage) * cell_bytes_of<Format>);
    if (lane == 0)
      barrier_expect_bytes(ring.full(stage),
                           uint32_t(count) * bytes + uint32_t(plan.tokens * columns_in(k_stage) * 2));
    __syncwarp();
    uint32_t target = ring.at(plan, stage);
    for (int32_t i = lane; i < count; i += 32)
      bulk_copy(target + uint32_t(i * plan.granule_stage_bytes),
                plan.weight +
                    (int64_t(first + i) * cells + k_stage * plan.stage_cells) * cell_bytes_of<Format>,
                bytes, ring.full(stage), evict_first);
  }

  __device__ void fetch_input(int32_t k_stage, int32_t stage) const {
    uint32_t target = ring.at(plan, stage) + uint32_t(plan.tile_granules * plan.granule_stage_bytes);
    for (int32_t t = int32_t(threadIdx.x) % 32; t < plan.tokens; t += 32)
      bulk_copy(target + uint32_t(t * plan.input_row_bytes),
                plan.input + int64_t(t) * plan.k + k_stage * plan.stage_cells * cell_columns,
                uint32_t(columns_in(k_stage) * 2), ring.full(stage), evict_last);
  }

  __device__ void advance(int32_t& tile, int32_t& k_stage) const {
    if (++k_stage == plan.k_stages) {
      k_stage = 0;
      tile += int32_t(gridDim.x);
    }
  }

  __device__ void run() const {
    int32_t items = plan.rounds * plan.k_stages, ahead = min(items, plan.stages);
    int32_t tile = int32_t(blockIdx.x), k_stage = 0;
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

} // namespace troupe::cuda
