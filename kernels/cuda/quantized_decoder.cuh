#pragma once

#include "kernels/cuda/quantized_cell.cuh"
#include "kernels/cuda/quantized_plan.cuh"
#include "kernels/cuda/ring_cursor.cuh"

namespace troupe::cuda {

/// A step's a of two granules.
template <int Step, class Quarter>
__device__ __forceinline__ void decode_step(const Quarter& first, const Quarter& second, uint32_t (&a)[4]) {
  uint32_t upper[2], lower[2];
  first.template decode<Step>(upper);
  second.template decode<Step>(lower);
  a[0] = upper[0];
  a[1] = lower[0];
  a[2] = upper[1];
  a[3] = lower[1];
}

/// Makes weights of a pair of granules for a quantized_consumer: of every plan.team-th cell.
template <weight_format Format>
struct quantized_decoder {
  using quarter_type = typename quarter_of<Format>::type;

  const quantized_plan& plan;
  const quantized_ring& ring;
  int32_t place; // among the block's decoders
  ring_cursor at;

  __device__ int32_t lane() const { return int32_t(threadIdx.x) % 32; }

  template <int Step>
  __device__ __forceinline__ void put_step(const quarter_type (&raw)[2], uint4* to) const {
    uint32_t a[4];
    decode_step<Step>(raw[0], raw[1], a);
    to[Step * 32] = {a[0], a[1], a[2], a[3]};
  }

  __device__ __forceinline__ void decode_cell(const uint8_t* cell) const {
    quarter_type raw[2][2];
    auto load = [&](int32_t quarter) {
      raw[quarter % 2][0].load(cell, quarter, lane());
      raw[quarter % 2][1].load(cell + plan.granule_stage_bytes, quarter, lane());
    };
    load(0);
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) {
      if (q < 3)
        load(q + 1);
      auto* to = reinterpret_cast<uint4*>(ring.slot(plan, place)) + q * 128 + lane();
      put_step<0>(raw[q % 2], to);
      put_step<1>(raw[q % 2], to);
      put_step<2>(raw[q % 2], to);
      put_step<3>(raw[q % 2], to);
    }
  }

  __device__ __forceinline__ void run() {
    int32_t cells = (plan.k + cell_columns - 1) / cell_columns, pairs = plan.tile_granules / 2;
    int32_t pair = place % pairs, decoder = place / pairs, items = plan.rounds * plan.k_stages;
    uint32_t free_parity = 1;
    int32_t stage_first = 0;
#pragma unroll 1
    for (int32_t s = 0; s < items; ++s) {
      barrier_wait(ring.full(at.stage), at.parity);
      const uint8_t* cell = ring.at(plan, at.stage) + 2 * pair * plan.granule_stage_bytes;
      int32_t here = min(plan.stage_cells, cells - stage_first);
#pragma unroll 1
      for (int32_t i = (decoder - stage_first % plan.team + plan.team) % plan.team; i < here;
           i += plan.team) {
        barrier_wait(ring.taken(place), free_parity);
        free_parity ^= 1;
        decode_cell(cell + i * cell_bytes_of<Format>);
        __syncwarp();
        if (lane() == 0)
          barrier_arrive(ring.ready(place));
      }
      __syncwarp();
      if (lane() == 0)
        barrier_arrive(ring.empty(at.stage));
      at.advance(plan.stages);
      stage_first = stage_first + plan.stage_cells >= cells ? 0 : stage_first + plan.stage_cells;
    }
  }
};

} // namespace troupe::cuda
