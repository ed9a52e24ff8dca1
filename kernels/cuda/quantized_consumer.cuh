#pragma once

#include "kernels/cuda/quantized_decoder.cuh"
#include "kernels/cuda/silu.cuh"

namespace troupe::cuda {

/// A warp multiplies 16 rows, two granules, which are mma's a, by Tiles times 8 tokens, which are its b.
template <weight_format Format, int Tiles>
struct quantized_consumer {
  using quarter_type = typename quarter_of<Format>::type;

  const quantized_plan& plan;
  const quantized_ring& ring;
  int32_t pair; // of the tile
  diagonal_place diagonal;
  ring_cursor at{}; // the stage that is multiplied
  float sums[Tiles][4] = {};
  uint32_t tile_bytes[Tiles] = {}; // from a lane's row of inputs in the first tile to that in each

  __device__ int32_t lane() const { return int32_t(threadIdx.x) % 32; }
  __device__ int32_t cells() const { return (plan.k + cell_columns - 1) / cell_columns; }

  /// Of cell c: how many quarters hold columns.
  __device__ int32_t quarters_of(int32_t c) const { return min(4, (plan.k - c * cell_columns) / 64); }

  /// Of a lane's row of a tile, in inputs. Rows past the tokens repeat the last, and what they give is not
  /// stored.
  __device__ uint32_t row_bytes(int32_t tile) const {
    return uint32_t(min(tile * 8 + lane() % 8, plan.tokens - 1) * plan.input_row_bytes);
  }

  /// Where a lane points ldmatrix in the inputs of a cell: 8 tokens by 32 columns, then 64 bytes on.
  __device__ __forceinline__ uint32_t inputs_of(int32_t stage) const {
    uint32_t first = ring.at(plan, stage) + uint32_t(plan.tile_granules * plan.granule_stage_bytes);
    return first + row_bytes(0) + uint32_t(lane() / 8 * 16);
  }

  /// b of two steps. Past k, where not Whole, the inputs hold anything; the weights are zero.
  template <bool Whole>
  __device__ __forceinline__ void load_inputs(uint32_t (&b)[Tiles][4], uint32_t address,
                                              bool is_there) const {
#pragma unroll
    for (int32_t t = 0; t < Tiles; ++t) {
      load_matrices(b[t], address + tile_bytes[t]);
      if (!Whole && !is_there)
        b[t][0] = b[t][1] = b[t][2] = b[t][3] = 0;
    }
  }

  /// Step: of the two that b holds.
  __device__ __forceinline__ void multiply(const uint32_t (&a)[4], const uint32_t (&b)[Tiles][4],
                                           int32_t step) {
#pragma unroll
    for (int32_t t = 0; t < Tiles; ++t)
      mma_16x8x16(sums[t], a, b[t][step * 2], b[t][step * 2 + 1]);
  }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int32_t i = 0; i < Tiles * 4; ++i)
      sums[i / 4][i % 4] = 0.0f;
  }

  // A warp alone
  // --------------------------------------------------------------------------------------------------------------

  struct cell_place {
    uint32_t weights, inputs; // of the first granule; see inputs_of
    int32_t left_of_stage;    // with this one
  };

  __device__ __forceinline__ cell_place first_of_stage(int32_t stage) const {
    return {ring.at(plan, stage) + uint32_t(2 * pair * plan.granule_stage_bytes), inputs_of(stage),
            plan.stage_cells};
  }

  /// After the last, the same again, unused. next_at: `at`, or the stage after where the cell ends its own.
  /// Few branches: ptxas lets the tensor cores run empty at each.
  __device__ __forceinline__ cell_place after(const cell_place& cell, bool is_last,
                                              ring_cursor& next_at) const {
    bool ends = cell.left_of_stage == 1 && !is_last;
    ring_cursor moved = at;
    moved.advance(plan.stages);
    next_at.stage = ends ? moved.stage : at.stage;
    next_at.parity = ends ? moved.parity : at.parity;
    cell_place first = first_of_stage(moved.stage);
    uint32_t by = is_last ? 0 : 1;
    if (ends)
      barrier_wait(ring.full(moved.stage), moved.parity);
    return {ends ? first.weights : cell.weights + by * cell_bytes_of<Format>,
            ends ? first.inputs : cell.inputs + by * cell_columns * 2,
            ends ? first.left_of_stage : cell.left_of_stage - 1};
  }

  /// With few tokens a warp unpacks two quarters ahead, so that it waits for nothing but its chain of sums:
  /// the next quarter is in fp32 on its way out of the tensor cores. With many there are no registers for it.
  static constexpr bool far = Tiles <= 2;
  static constexpr bool inputs_ahead = Tiles <= 2; // in registers, by four steps

  struct pipeline {
    quarter_type raw[2][2];
    quarter_unpacker<quarter_type> unpacker;
    uint32_t a[2][4][4]; // [quarter's parity][step]
    uint32_t b[2][Tiles][4];
  };

  template <int Quarter>
  __device__ __forceinline__ void load_raw(pipeline& p, uint32_t cell) const {
#pragma unroll
    for (int32_t g = 0; g < 2; ++g)
      p.raw[Quarter % 2][g].load(cell_in_shared{cell + uint32_t(g * plan.granule_stage_bytes)}, Quarter,
                                 lane(), p.raw[1 - Quarter % 2][g]);
  }

  /// A part of what lies between two steps of the product: of the quarter `then` is the parity of.
  template <int Part, int Now>
  __device__ __forceinline__ void make_part(pipeline& p) const {
    if constexpr (far) {
      p.unpacker.template round<Part>(p.a[1 - Now]);
      p.unpacker.template unpack<Part>(p.raw[Now]);
    } else {
      p.unpacker.template unpack<Part>(p.raw[1 - Now]);
      p.unpacker.template round<Part>(p.a[1 - Now]);
    }
  }

  template <bool Whole>
  __device__ __forceinline__ void load_input(uint32_t (&b)[4], uint32_t address, bool is_there) const {
    load_matrices(b, address);
    if (!Whole && !is_there)
      b[0] = b[1] = b[2] = b[3] = 0;
  }

  template <bool Whole>
  __device__ __forceinline__ void load_ahead(pipeline& p, int32_t of, uint32_t address, bool is_there) const {
    if constexpr (inputs_ahead)
      load_inputs<Whole>(p.b[of], address, is_there);
  }

  template <int Parity, int Step>
  __device__ __forceinline__ void multiply_step(pipeline& p) {
    if constexpr (inputs_ahead)
      multiply(p.a[Parity][Step], p.b[Step / 2], Step % 2);
  }

  /// Steps 2 * Pair and the next.
  template <int Parity, int Pair, bool Whole>
  __device__ __forceinline__ void multiply_pair(pipeline& p, uint32_t address, bool is_there) {
    if constexpr (!inputs_ahead)
#pragma unroll
      for (int32_t t = 0; t < Tiles; ++t) {
        uint32_t b[4];
        load_input<Whole>(b, address + tile_bytes[t], is_there);
        mma_16x8x16(sums[t], p.a[Parity][Pair * 2], b[0], b[1]);
        mma_16x8x16(sums[t], p.a[Parity][Pair * 2 + 1], b[2], b[3]);
      }
  }

  /// Multiplies a quarter of `cell`, and works on those after it. next: the next quarter's cell; ahead: that
  /// of the one whose packed weights are read.
  template <int Quarter, bool Whole>
  __device__ __forceinline__ void take_quarter(pipeline& p, const cell_place& cell, bool is_there,
                                               const cell_place& next, bool next_is_there,
                                               const cell_place& ahead) {
    constexpr int now = Quarter % 2;
    uint32_t inputs = cell.inputs + Quarter * 128;
    load_raw<(Quarter + (far ? 3 : 2)) % 4>(p, ahead.weights);
    load_ahead<Whole>(p, 1, inputs + 64, is_there);
    p.unpacker.get_scales(p.raw[far ? now : 1 - now], diagonal);
    multiply_step<now, 0>(p);
    multiply_pair<now, 0, Whole>(p, inputs, is_there);
    make_part<0, now>(p);
    multiply_step<now, 1>(p);
    load_ahead<Whole>(p, 0, next.inputs + (Quarter + 1) % 4 * 128, next_is_there);
    make_part<1, now>(p);
    multiply_step<now, 2>(p);
    multiply_pair<now, 1, Whole>(p, inputs + 64, is_there);
    make_part<2, now>(p);
    multiply_step<now, 3>(p);
    make_part<3, now>(p);
  }

  template <bool Whole>
  __device__ __forceinline__ void run_alone() {
    clear();
    pipeline p{{}, quarter_unpacker<quarter_type>(cell_in_shared{ring.zeros()}.four_words()), {}, {}};
    barrier_wait(ring.full(at.stage), at.parity);
    cell_place cell = first_of_stage(at.stage);
    load_raw<0>(p, cell.weights);
    load_raw<1>(p, cell.weights);
    p.unpacker.unpack_all(p.raw[0], diagonal);
    p.unpacker.round_all(p.a[0]);
    if constexpr (far) {
      p.unpacker.unpack_all(p.raw[1], diagonal);
      load_raw<2>(p, cell.weights);
    }
    load_ahead<true>(p, 0, cell.inputs, true);
    int32_t count = cells();
#pragma unroll 1
    for (int32_t c = 0; c < count; ++c) {
      int32_t quarters = quarters_of(c);
      bool is_last = c + 1 == count;
      ring_cursor next_at;
      cell_place next = after(cell, is_last, next_at);
      take_quarter<0, Whole>(p, cell, true, cell, quarters > 1, cell);
      take_quarter<1, Whole>(p, cell, quarters > 1, cell, quarters > 2, far ? next : cell);
      take_quarter<2, Whole>(p, cell, quarters > 2, cell, quarters > 3, next);
      take_quarter<3, Whole>(p, cell, quarters > 3, next, true, next);
      __syncwarp();
      barrier_arrive_if(lane() == 0 && (cell.left_of_stage == 1 || is_last), ring.empty(at.stage));
      at = next_at;
      cell = next;
    }
    at.advance(plan.stages);
  }

  // A warp with decoders
  // --------------------------------------------------------------------------------------------------------------

  /// Two steps.
  struct decoded_unit {
    uint32_t a[2][4], b[Tiles][4];
  };

  template <bool Whole>
  __device__ __forceinline__ void load_unit(decoded_unit& unit, uint32_t slot, uint32_t inputs, int32_t index,
                                            int32_t quarters) const {
    load_shared(unit.a[0], slot + uint32_t(index * 1024));
    load_shared(unit.a[1], slot + uint32_t(index * 1024 + 512));
    load_inputs<Whole>(unit.b, inputs + uint32_t(index * 64), index / 2 < quarters);
  }

  /// Where the chain of a pair is. Its control must fit between two steps of the tensor cores, 24 cycles, so
  /// addresses are shared ones and moves are selects.
  struct chain_place {
    uint32_t inputs, slot, ready;
    int32_t stage, left_of_stage, decoder; // left: with this cell
  };

  __device__ __forceinline__ chain_place chain_after(const chain_place& cell, uint32_t first_inputs,
                                                     uint32_t first_slot, uint32_t first_ready) const {
    chain_place next;
    bool ends_stage = cell.left_of_stage == 1;
    int32_t pairs = plan.tile_granules / 2, stage = cell.stage + 1 == plan.stages ? 0 : cell.stage + 1;
    next.stage = ends_stage ? stage : cell.stage;
    next.left_of_stage = ends_stage ? plan.stage_cells : cell.left_of_stage - 1;
    next.inputs =
        ends_stage ? first_inputs + uint32_t(stage * plan.stage_bytes) : cell.inputs + cell_columns * 2;
    next.decoder = cell.decoder + 1 == plan.team ? 0 : cell.decoder + 1;
    next.slot = first_slot + uint32_t(next.decoder * pairs * decoded_cell_bytes);
    next.ready = first_ready + uint32_t(next.decoder * pairs * 16);
    return next;
  }

  /// parities: a bit for each decoder, of which there are two or more. A decoder is ready after its stage is
  /// full, so that waiting for it is waiting for the inputs.
  template <bool Whole>
  __device__ __forceinline__ void run_with_decoders(uint32_t& parities) {
    constexpr int32_t ahead = Tiles == 1 ? 3 : 1, units = 8; // of a cell
    clear();
    int32_t count = cells();
    uint32_t first_inputs = inputs_of(0), first_slot = ring.slot(plan, pair) + uint32_t(lane() * 16),
             first_ready = ring.ready(pair);
    decoded_unit buffer[ahead + 1];
    chain_place cell{first_inputs + uint32_t(at.stage * plan.stage_bytes),
                     first_slot,
                     first_ready,
                     at.stage,
                     plan.stage_cells,
                     0};
    barrier_wait(cell.ready, parities & 1);
#pragma unroll
    for (int32_t u = 0; u < ahead; ++u)
      load_unit<Whole>(buffer[u], cell.slot, cell.inputs, u, quarters_of(0));
#pragma unroll 1
    for (int32_t c = 0; c < count; ++c) {
      chain_place next = chain_after(cell, first_inputs, first_slot, first_ready);
      bool is_last = c + 1 == count, is_ready = is_last;
      uint32_t next_parity = parities >> next.decoder & 1;
#pragma unroll
      for (int32_t u = 0; u < units; ++u) {
        if (u == 2 && !is_last)
          is_ready = barrier_has_ended(next.ready, next_parity);
        if (u == units - ahead && !is_ready)
          barrier_wait(next.ready, next_parity);
        if (u == units - ahead && is_last) // loads once more what this cell began with, unused
          next.slot = cell.slot, next.inputs = cell.inputs;
        if (u + ahead < units)
          load_unit<Whole>(buffer[(u + ahead) % (ahead + 1)], cell.slot, cell.inputs, u + ahead,
                           quarters_of(c));
        else
          load_unit<Whole>(buffer[(u + ahead) % (ahead + 1)], next.slot, next.inputs, u + ahead - units,
                           quarters_of(min(c + 1, count - 1)));
        multiply(buffer[u % (ahead + 1)].a[0], buffer[u % (ahead + 1)].b, 0);
        multiply(buffer[u % (ahead + 1)].a[1], buffer[u % (ahead + 1)].b, 1);
      }
      parities ^= 1u << cell.decoder;
      at.stage = cell.stage;
      __syncwarp();
      barrier_arrive_if(lane() == 0, cell.ready + 8); // taken
      barrier_arrive_if(lane() == 0 && (cell.left_of_stage == 1 || is_last), ring.empty(cell.stage));
      cell = next;
    }
    at.advance(plan.stages);
  }

  // Results
  // --------------------------------------------------------------------------------------------------------------

  /// Calls visit(tile, place in its sums, token, row).
  template <class Visit>
  __device__ __forceinline__ void each_sum(int32_t pair_of_matrix, Visit&& visit) {
#pragma unroll
    for (int32_t t = 0; t < Tiles; ++t)
#pragma unroll
      for (int32_t i = 0; i < 4; ++i) {
        int32_t token = t * 8 + lane() % 4 * 2 + i % 2, row = (pair_of_matrix * 2 + i / 2) * 8 + lane() / 4;
        if (token < plan.tokens && row < plan.n)
          visit(t, i, token, row);
      }
  }

  __device__ __forceinline__ void store(int32_t pair_of_matrix, const float (&old)[Tiles][4]) {
    each_sum(pair_of_matrix, [&](int32_t t, int32_t i, int32_t token, int32_t row) {
      int64_t to = int64_t(token) * plan.n + row;
      float sum = sums[t][i];
      if (plan.result == linear_result::bf16_rows)
        static_cast<__nv_bfloat16*>(plan.output)[to] = __float2bfloat16_rn(sum);
      else
        static_cast<float*>(plan.output)[to] =
            plan.result == linear_result::add_to_fp32 ? old[t][i] + sum : sum;
    });
  }

  /// Gate rows are in even granules, up rows in the odd ones after them.
  __device__ __forceinline__ void store_activated(int32_t pair_of_matrix) {
    each_sum(pair_of_matrix, [&](int32_t t, int32_t i, int32_t token, int32_t row) {
      if (i < 2)
        static_cast<__nv_bfloat16*>(plan.output)[int64_t(token) * (plan.n / 2) + row / 16 * 8 + row % 8] =
            silu_times(__float2bfloat16_rn(sums[t][i]), __float2bfloat16_rn(sums[t][(i + 2) % 4]));
    });
  }

  template <bool Decoders, bool Whole>
  __device__ __forceinline__ void run() {
#pragma unroll
    for (int32_t t = 0; t < Tiles; ++t)
      tile_bytes[t] = row_bytes(t) - row_bytes(0);
    uint32_t parities = 0;
#pragma unroll 1
    for (int32_t round = 0; round < plan.rounds; ++round) {
      int32_t tile = int32_t(blockIdx.x) + round * int32_t(gridDim.x);
      int32_t pair_of_matrix = tile * (plan.tile_granules / 2) + pair;
      float old[Tiles][4] = {};
      if (plan.result == linear_result::add_to_fp32) // before the product, whose end would wait for it
        each_sum(pair_of_matrix, [&](int32_t t, int32_t i, int32_t token, int32_t row) {
          old[t][i] = static_cast<const float*>(plan.output)[int64_t(token) * plan.n + row];
        });
      if constexpr (Decoders)
        run_with_decoders<Whole>(parities);
      else
        run_alone<Whole>();
      if (plan.result == linear_result::silu_bf16)
        store_activated(pair_of_matrix);
      else
        store(pair_of_matrix, old);
    }
  }
};

} // namespace troupe::cuda
