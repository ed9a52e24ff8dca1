#include "kernels/cuda/device.cuh"
#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/linear_kernel.cuh"
#include "kernels/cuda/tensor_map.cuh"

#include <algorithm>

namespace troupe::cuda {

namespace {

/// As much as leaves room for an attention block beside it.
constexpr int32_t ring_bytes_default = 176 * 1024;
constexpr int32_t shared_bytes_max = 227 * 1024;

int32_t divide_up(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

/// Rows of a tile such that the busiest block has least to do. With few tokens that is its weight rows alone,
/// and of equals the smallest tile spreads best (below 32 rows the barriers show); with more, each tile also
/// costs its inputs, and of equals the largest reads them least often. Measured:
/// bench/kernels/cuda_linear_ladder.cu.
int32_t choose_tile_rows(int32_t n, int32_t columns, int32_t blocks_max) {
  bool few = columns == 8;
  int32_t best = 0;
  int64_t least = INT64_MAX;
  for (int32_t rows = 16; rows <= 256; rows += 16) {
    int64_t rounds = divide_up(divide_up(n, rows), blocks_max);
    int64_t cost = rounds * (few ? std::max(rows, 24) : rows + columns + 8);
    if (cost < least || (cost == least && !few)) {
      least = cost;
      best = rows;
    }
  }
  return best;
}

int32_t columns_of(int32_t tokens) {
  return tokens <= 8 ? 8 : tokens <= 16 ? 16 : tokens <= 32 ? 32 : 64;
}

launch_status check(const linear_params& params, const linear_geometry& geometry) {
  TROUPE_CUDA_POINTER(params.input, 16);
  TROUPE_CUDA_POINTER(params.weight, 16);
  bool is_fp32 = params.result == linear_result::fp32_rows || params.result == linear_result::add_to_fp32;
  TROUPE_CUDA_POINTER(params.output, (is_fp32 ? 4u : 2u));
  TROUPE_CUDA_RANGE(params.tokens, 1, 64);
  TROUPE_CUDA_RANGE(params.n, 1, 1 << 24);
  TROUPE_CUDA_RANGE(params.k, 8, 1 << 24);
  TROUPE_CUDA_MULTIPLE(params.k, 8);
  if (params.result == linear_result::silu_bf16)
    TROUPE_CUDA_MULTIPLE(params.n, 16);
  TROUPE_CUDA_RANGE(geometry.tile_rows, 0, 256);
  TROUPE_CUDA_MULTIPLE(geometry.tile_rows, 16);
  TROUPE_CUDA_RANGE(geometry.ring_bytes, 0, shared_bytes_max);
  return launch_status::ok;
}

} // namespace

launch_status linear(const linear_params& params, const gpu_stream& stream, const linear_geometry& geometry) {
  if (auto s = check(params, geometry); s != launch_status::ok)
    return s;
  device_facts device;
  if (auto s = find_device_facts(device); s != launch_status::ok)
    return s;
  if (device.capability_major != 9)
    return fail_mismatch(launch_status::unsupported, "compute capability", 9, device.capability_major);

  linear_launch run{};
  linear_plan& plan = run.plan;
  int32_t columns = columns_of(params.tokens);
  plan.output = params.output;
  plan.tokens = params.tokens;
  plan.n = params.n;
  plan.result = params.result;
  plan.tile_rows = geometry.tile_rows > 0 ? geometry.tile_rows
                                          : choose_tile_rows(params.n, columns, device.multiprocessors);
  run.tiles_of_64 = plan.tile_rows <= 64 ? 1 : plan.tile_rows <= 128 ? 2 : 4;
  int32_t tiles = divide_up(params.n, plan.tile_rows);
  run.blocks = std::min(tiles, device.multiprocessors);
  plan.rounds = divide_up(tiles, run.blocks);
  int32_t chunks = chunks_of(run.tiles_of_64);
  plan.k_stages = divide_up(params.k, chunks * 64);

  int32_t stage_bytes = chunks * (plan.tile_rows + columns) * row_bytes;
  int32_t ring_bytes = geometry.ring_bytes > 0 ? geometry.ring_bytes : ring_bytes_default;
  plan.stages = std::clamp(ring_bytes / stage_bytes, 2, ring_stages_max);
  plan.stages = std::min(plan.stages, std::max(2, plan.rounds * plan.k_stages));
  int32_t read_past =
      std::max(0, (run.tiles_of_64 * 64 - plan.tile_rows) - chunks * columns) * row_bytes; // last tile
  run.shared_bytes = 1024 + ring_header_bytes + plan.stages * stage_bytes + read_past;
  if (run.shared_bytes > shared_bytes_max)
    return fail_mismatch(launch_status::shape_mismatch, "ring_bytes", shared_bytes_max, run.shared_bytes);

  if (auto s = make_matrix_map(run.weight_map, params.weight, params.n, params.k, plan.tile_rows, chunks);
      s != launch_status::ok)
    return s;
  if (auto s = make_matrix_map(run.input_map, params.input, params.tokens, params.k, columns, chunks);
      s != launch_status::ok)
    return s;
  plan.one_copy = params.k % 64 == 0;
  switch (columns) {
  case 8:
    return launch_linear<8>(run, stream);
  case 16:
    return launch_linear<16>(run, stream);
  case 32:
    return launch_linear<32>(run, stream);
  default:
    return launch_linear<64>(run, stream);
  }
}

} // namespace troupe::cuda
