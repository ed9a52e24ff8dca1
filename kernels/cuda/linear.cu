#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/linear_kernel.cuh"
#include "kernels/cuda/tensor_map.cuh"

#include <algorithm>

namespace troupe::cuda {

namespace {

constexpr int32_t ring_bytes_default = 80 * 1024; // two such blocks and an attention block fit on one SM
constexpr int32_t shared_bytes_max = 227 * 1024;

int32_t divide_up(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

/// Rows of a tile such that the busiest block has the fewest rows; of equals, the largest tile (it reads the
/// inputs least often).
int32_t choose_tile_rows(int32_t n, int32_t blocks_max) {
  int32_t best = 16, best_rows = INT32_MAX;
  for (int32_t rows = 16; rows <= 256; rows += 16) {
    int32_t busiest = divide_up(divide_up(n, rows), blocks_max) * rows;
    if (busiest <= best_rows) {
      best_rows = busiest;
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
  TROUPE_CUDA_RANGE(geometry.stage_k, 0, 256);
  TROUPE_CUDA_MULTIPLE(geometry.stage_k, 64);
  TROUPE_CUDA_RANGE(geometry.ring_bytes, 0, shared_bytes_max);
  TROUPE_CUDA_RANGE(geometry.cluster, 0, 4);
  return launch_status::ok;
}

/// Where the launcher chooses: clusters once the inputs are a fair part of what an SM takes in.
int32_t choose_cluster(int32_t columns, int32_t asked) {
  int32_t most = columns / 8; // a block's share of a stage is whole groups of 8 rows
  int32_t cluster = asked > 0 ? asked : columns >= 32 ? 2 : 1;
  while (cluster > most || (cluster & (cluster - 1)) != 0)
    --cluster;
  return cluster;
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
  plan.cluster = choose_cluster(columns, geometry.cluster);
  int32_t blocks_max = device.multiprocessors / plan.cluster * plan.cluster;
  plan.tile_rows = geometry.tile_rows > 0 ? geometry.tile_rows : choose_tile_rows(params.n, blocks_max);
  plan.tiles = divide_up(params.n, plan.tile_rows);
  int32_t stage_k = geometry.stage_k > 0 ? geometry.stage_k : plan.tile_rows <= 64 ? 256 : plan.tile_rows <= 128 ? 128 : 64;
  plan.chunks = stage_k / 64;
  plan.k_stages = divide_up(params.k, stage_k);
  run.blocks = std::min(divide_up(plan.tiles, plan.cluster) * plan.cluster, blocks_max);
  plan.rounds = divide_up(plan.tiles, run.blocks);
  run.tiles_of_64 = divide_up(plan.tile_rows, 64);

  int32_t stage_bytes = plan.chunks * (plan.tile_rows + columns) * row_bytes;
  int32_t ring_bytes = geometry.ring_bytes > 0 ? geometry.ring_bytes : ring_bytes_default;
  plan.stages = std::clamp(ring_bytes / stage_bytes, 3, ring_stages_max);
  plan.stages = std::min(plan.stages, std::max(2, plan.rounds * plan.k_stages));
  int32_t tiles_computed = run.tiles_of_64 == 3 ? 4 : run.tiles_of_64;
  int32_t read_past = std::max(0, (tiles_computed * 64 - plan.tile_rows - columns)) * row_bytes; // by the last tile
  run.shared_bytes = 1024 + ring_header_bytes + plan.stages * stage_bytes + read_past;
  if (run.shared_bytes > shared_bytes_max)
    return fail_mismatch(launch_status::shape_mismatch, "ring_bytes", shared_bytes_max, run.shared_bytes);

  if (auto s = make_tensor_map(run.weight_map, params.weight, params.n, params.k, plan.tile_rows);
      s != launch_status::ok)
    return s;
  if (auto s = make_tensor_map(run.input_map, params.input, params.tokens, params.k, columns / plan.cluster);
      s != launch_status::ok)
    return s;
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
