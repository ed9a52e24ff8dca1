#pragma once

#include "kernels/cuda/quantized_cell.cuh"
#include "kernels/cuda/quantized_plan.cuh"
#include "kernels/cuda/ring_cursor.cuh"

namespace troupe::cuda {

/// Makes weights of a pair of granules for a quantized_consumer: of every plan.team-th cell.
template <weight_format Format>
struct quantized_decoder {
  using quarter_type = typename quarter_of<Format>::type;

  const quantized_plan& plan;
  const quantized_ring& ring;
  int32_t place; // among the block's decoders
  diagonal_place diagonal;
  ring_cursor at;

  __device__ int32_t lane() const { return int32_t(threadIdx.x) % 32; }

  template <int Quarter>
  __device__ __forceinline__ void load(quarter_type (&raw)[2][2], uint32_t cell) const {
#pragma unroll
    for (int32_t g = 0; g < 2; ++g)
      raw[Quarter % 2][g].load(cell_in_shared{cell + uint32_t(g * plan.granule_stage_bytes)}, Quarter, lane(),
                               raw[1 - Quarter % 2][g]);
  }

  __device__ __forceinline__ void put(const quarter_unpacker<quarter_type>& unpacker, uint32_t to) const {
    uint32_t a[4][4];
    unpacker.round_all(a);
#pragma unroll
    for (uint32_t step = 0; step < 4; ++step)
      store_shared(to + step * 512, a[step]);
  }

  __device__ __forceinline__ void decode_cell(quarter_unpacker<quarter_type>& unpacker, uint32_t cell) const {
    uint32_t to = ring.slot(plan, place) + uint32_t(lane() * 16);
    quarter_type raw[2][2];
    load<0>(raw, cell);
    load<1>(raw, cell);
    unpacker.unpack_all(raw[0], diagonal);
    load<2>(raw, cell);
    put(unpacker, to);
    unpacker.unpack_all(raw[1], diagonal);
    load<3>(raw, cell);
    put(unpacker, to + 2048);
    unpacker.unpack_all(raw[0], diagonal);
    put(unpacker, to + 4096);
    unpacker.unpack_all(raw[1], diagonal);
    put(unpacker, to + 6144);
  }

  __device__ __forceinline__ void run() {
    int32_t cells = (plan.k + cell_columns - 1) / cell_columns, pairs = plan.tile_granules / 2;
    int32_t pair = place % pairs, decoder = place / pairs, items = plan.rounds * plan.k_stages;
    quarter_unpacker<quarter_type> unpacker(cell_in_shared{ring.zeros()}.four_words());
    uint32_t free_parity = 1;
    int32_t stage_first = 0;
#pragma unroll 1
    for (int32_t s = 0; s < items; ++s) {
      barrier_wait(ring.full(at.stage), at.parity);
      uint32_t cell = ring.at(plan, at.stage) + uint32_t(2 * pair * plan.granule_stage_bytes);
      int32_t here = min(plan.stage_cells, cells - stage_first);
#pragma unroll 1
      for (int32_t i = (decoder - stage_first % plan.team + plan.team) % plan.team; i < here;
           i += plan.team) {
        barrier_wait(ring.taken(place), free_parity);
        free_parity ^= 1;
        decode_cell(unpacker, cell + uint32_t(i * cell_bytes_of<Format>));
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
