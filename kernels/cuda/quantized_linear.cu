#include "kernels/cuda/device.cuh"
#include "kernels/cuda/quantized_kernel.cuh"

#include <algorithm>

namespace troupe::cuda {

namespace {

constexpr int32_t shared_bytes_default =
    177 * 1024; // as linear(): leaves room for the kernels before and after
constexpr int32_t shared_bytes_max = 227 * 1024;
constexpr int32_t stage_bytes_wanted = 24 * 1024;
constexpr int32_t stage_cells_max = 8; // 2,048 columns
int32_t divide_up(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

struct quantized_layout {
  int32_t tile_granules, team;
};

/// Where a block has few chains, decoders work for them.
int32_t team_of(int32_t pairs, int32_t tokens) {
  int32_t decoders = std::min(quantized_warps_max / pairs - 1, 4);
  return tokens > 16 || decoders < 2 ? 0 : decoders;
}

/// About how many cycles a tile takes for a cell of each of its granules: what an H100's
/// bench/kernels/cuda_quantized_ladder.cu says.
int32_t cycles_of(const quantized_layout& layout, int32_t tokens, weight_format format) {
  int32_t pairs = layout.tile_granules / 2, more = quantized_token_tiles(tokens) - 1;
  int32_t memory = layout.tile_granules * cell_bytes(format) / 12 + tokens * 12;
  if (layout.team == 0)
    return std::max({memory, 700 + 100 * more, 200 + (185 + 40 * more) * pairs});
  return std::max(memory, (layout.team > 2 ? 460 + 60 * pairs : 700 + 80 * pairs) + 150 * more);
}

/// Such that the busiest block has least to do.
quantized_layout choose_layout(const quantized_plan& plan, weight_format format, int32_t blocks_max) {
  quantized_layout best{};
  int64_t least = INT64_MAX;
  for (int32_t pairs = 1; pairs <= quantized_warps_max; ++pairs) {
    quantized_layout layout{2 * pairs, team_of(pairs, plan.tokens)};
    int64_t rounds = divide_up(divide_up(plan.granules, 2 * pairs), blocks_max);
    int64_t cost = rounds * (int64_t(cycles_of(layout, plan.tokens, format)) * cells_of(plan.k) + 2000);
    if (cost < least) {
      least = cost;
      best = layout;
    }
  }
  return best;
}

launch_status check(const quantized_linear_params& params, const linear_geometry& geometry) {
  TROUPE_CUDA_POINTER(params.input, 16);
  TROUPE_CUDA_POINTER(params.weight, 16);
  bool is_fp32 = params.result == linear_result::fp32_rows || params.result == linear_result::add_to_fp32;
  TROUPE_CUDA_POINTER(params.output, (is_fp32 ? 8u : 4u));
  TROUPE_CUDA_RANGE(int32_t(params.format), 1, 3);
  TROUPE_CUDA_RANGE(params.tokens, 1, 64);
  TROUPE_CUDA_RANGE(params.n, cell_rows, 1 << 24);
  TROUPE_CUDA_MULTIPLE(params.n, params.result == linear_result::silu_bf16 ? 2 * cell_rows : cell_rows);
  TROUPE_CUDA_RANGE(params.k, 64, 1 << 24);
  TROUPE_CUDA_MULTIPLE(params.k, params.format == weight_format::q4_k ? 256 : 64);
  TROUPE_CUDA_RANGE(geometry.tile_rows, 0, 256);
  TROUPE_CUDA_MULTIPLE(geometry.tile_rows, 2 * cell_rows);
  TROUPE_CUDA_RANGE(geometry.ring_bytes, 0, shared_bytes_max);
  return launch_status::ok;
}

/// Stages, the ring and what lies after it, for tiles and teams that are chosen.
launch_shape lay_out(quantized_plan& plan, weight_format format, int32_t blocks, int32_t ring_bytes) {
  int32_t pairs = plan.tile_granules / 2, warps = pairs * (1 + plan.team);
  int32_t rest = quantized_header_bytes + pairs * plan.team * decoded_cell_bytes;
  int32_t a_cell = plan.tile_granules * cell_bytes(format) + plan.tokens * cell_columns * 2;
  ring_bytes = std::min(ring_bytes > 0      ? ring_bytes
                        : plan.tokens <= 16 ? shared_bytes_default - rest
                                            : shared_bytes_max,
                        shared_bytes_max - rest);
  plan.stage_cells =
      std::clamp(std::min(stage_bytes_wanted / a_cell, ring_bytes / 3 / a_cell), 1, stage_cells_max);
  plan.stage_cells = std::min(plan.stage_cells, cells_of(plan.k));
  plan.k_stages = divide_up(cells_of(plan.k), plan.stage_cells);
  plan.granule_stage_bytes = plan.stage_cells * cell_bytes(format);
  plan.input_row_bytes = plan.stage_cells * cell_columns * 2 + input_padding_bytes;
  plan.stage_bytes =
      (plan.tile_granules * plan.granule_stage_bytes + plan.tokens * plan.input_row_bytes + 127) / 128 * 128;
  plan.stages = std::clamp(ring_bytes / plan.stage_bytes, 2, quantized_stages_max);
  plan.stages = std::min(plan.stages, std::max(2, plan.rounds * plan.k_stages));
  return {dim3(unsigned(blocks)), dim3(unsigned((warps + 1) * 32)), rest + plan.stages * plan.stage_bytes};
}

} // namespace

launch_status quantized_linear(const quantized_linear_params& params, const gpu_stream& stream,
                               const linear_geometry& geometry) {
  if (auto s = check(params, geometry); s != launch_status::ok)
    return s;
  device_facts device;
  if (auto s = find_device_facts(device); s != launch_status::ok)
    return s;
  if (device.capability_major < 9)
    return fail_mismatch(launch_status::unsupported, "compute capability", 9, device.capability_major);

  quantized_plan plan{};
  plan.weight = static_cast<const uint8_t*>(params.weight);
  plan.input = reinterpret_cast<const __nv_bfloat16*>(params.input);
  plan.output = params.output;
  plan.tokens = params.tokens;
  plan.n = params.n;
  plan.k = params.k;
  plan.result = params.result;
  plan.granules = params.n / cell_rows;
  auto layout = choose_layout(plan, params.format, device.multiprocessors);
  if (geometry.tile_rows > 0) {
    int32_t pairs = std::min(geometry.tile_rows / (2 * cell_rows), quantized_warps_max);
    layout = {2 * pairs, team_of(pairs, params.tokens)};
  }
  plan.tile_granules = layout.tile_granules;
  plan.team = layout.team;
  int32_t tiles = divide_up(plan.granules, plan.tile_granules);
  int32_t blocks = std::min(tiles, device.multiprocessors);
  plan.rounds = divide_up(tiles, blocks);
  launch_shape shape = lay_out(plan, params.format, blocks, geometry.ring_bytes);
  if (shape.shared_bytes > shared_bytes_max)
    return fail_mismatch(launch_status::shape_mismatch, "ring_bytes", shared_bytes_max, shape.shared_bytes);
  switch (params.format) {
  case weight_format::q4_1:
    return launch_quantized<weight_format::q4_1>(plan, shape, stream);
  case weight_format::q4_k:
    return launch_quantized<weight_format::q4_k>(plan, shape, stream);
  default:
    return launch_quantized<weight_format::q8_0>(plan, shape, stream);
  }
}

} // namespace troupe::cuda
