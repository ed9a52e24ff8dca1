#pragma once

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/quantized_linear.hpp"

namespace troupe::cuda {

inline constexpr int32_t quantized_stages_max = 32;
inline constexpr int32_t quantized_warps_max = 15;          // of a block, besides the one that fetches
inline constexpr int32_t quantized_header_bytes = 1024;     // barriers: two a stage, two a decoder
inline constexpr int32_t decoded_cell_bytes = 16 * 32 * 16; // of a pair, as mma's a: [step][lane] 16 bytes
inline constexpr int32_t input_padding_bytes = 16;          // keeps eight rows' reads in different banks

/// Tiles of 8 tokens that a kernel is compiled for.
constexpr __host__ __device__ int32_t quantized_token_tiles(int32_t tokens) {
  return tokens <= 8 ? 1 : tokens <= 16 ? 2 : tokens <= 32 ? 4 : 8;
}

/// A granule is 8 weight rows, all of K; a warp multiplies a pair of them in one chain of mma.sync, which has
/// less than half the latency of one of wgmma at 8 columns (24 cycles a step against 55). Where a block has
/// many chains, or many tokens, each warp makes the weights of its own; where it has few, decoders make them,
/// cell by cell in turn.
struct quantized_plan {
  const uint8_t* weight;
  const __nv_bfloat16* input;
  void* output;
  int32_t tokens, n, k;
  linear_result result;
  int32_t granules;      // of the matrix
  int32_t tile_granules; // of a block at a time
  int32_t team;          // decoders of a pair of granules: 0, or 2 and more
  int32_t rounds;        // tiles of one block
  int32_t stage_cells;   // of one granule in a stage
  int32_t k_stages;      // of one tile
  int32_t stages;        // in the ring
  int32_t granule_stage_bytes, input_row_bytes, stage_bytes;
};

struct quantized_ring {
  uint32_t base; // converted anew each time it would cost S2R's latency

  __device__ explicit quantized_ring(uint8_t* memory) : base(shared_address(memory)) {
    asm volatile("" : "+r"(base));
  }
  __device__ uint32_t full(int32_t stage) const { return base + uint32_t(stage) * 8; }
  __device__ uint32_t empty(int32_t stage) const { return full(quantized_stages_max + stage); }
  /// Of a decoder.
  __device__ uint32_t ready(int32_t decoder) const { return full(2 * quantized_stages_max + 2 * decoder); }
  __device__ uint32_t taken(int32_t decoder) const { return ready(decoder) + 8; }
  /// Four words of zero.
  __device__ uint32_t zeros() const { return base + quantized_header_bytes - 16; }
  __device__ uint32_t at(const quantized_plan& plan, int32_t stage) const {
    return base + uint32_t(quantized_header_bytes + stage * plan.stage_bytes);
  }
  __device__ uint32_t slot(const quantized_plan& plan, int32_t decoder) const {
    return at(plan, plan.stages) + uint32_t(decoder * decoded_cell_bytes);
  }
};

} // namespace troupe::cuda
