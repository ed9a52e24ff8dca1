#include "kernels/cpu/linear.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/shape_check.hpp"

#include <algorithm>
#include <array>

namespace troupe {

namespace {

constexpr size_t group_max = 8;

/// Tasks that one thread gets on average: several, since its core may be busy with something else.
constexpr int32_t tasks_per_thread = 4;

status check(const linear_params& params) {
  if (params.weights == nullptr)
    return null_failure("weights");
  const auto& weights = *params.weights;
  if (params.rows != weights.rows())
    return shape_failure("rows", weights.rows(), params.rows);
  if (params.columns != weights.columns())
    return shape_failure("columns", weights.columns(), params.columns);
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.output == nullptr)
    return null_failure("output");
  const auto& codes = params.codes;
  if (!is_quantized(weights.format())) {
    if (params.input == nullptr)
      return null_failure("input");
  } else if (codes.codes == nullptr || codes.scales == nullptr || codes.sums == nullptr ||
             codes.totals == nullptr || codes.first_totals == nullptr) {
    return null_failure("codes");
  } else if (codes.stride < params.tokens) {
    return shape_failure("codes.stride", fmt::format("at least {} tokens", params.tokens), codes.stride);
  }
  return {};
}

linear_task task_of(const linear_params& params) {
  const auto& weights = *params.weights;
  return {.tiles = weights.tile(0),
          .tile_bytes = weights.tile_bytes(),
          .format = weights.format(),
          .rows = params.rows,
          .columns = params.columns,
          .blocks = weights.blocks(),
          .tile_begin = 0,
          .tile_end = weights.tiles(),
          .tokens = params.tokens,
          .input = params.input,
          .codes = params.codes,
          .output = params.output,
          .add = params.add};
}

} // namespace

status linear(const linear_params& params, const cpu_stream& stream) {
  return linear_group({&params, 1}, stream);
}

status linear_group(std::span<const linear_params> group, const cpu_stream& stream) {
  if (group.size() > group_max)
    return shape_failure("group", "at most 8 products", group.size());
  int32_t tiles = 0;
  std::array<int32_t, group_max> first{}; // tile of each product's beginning when all lie one after another
  for (size_t i = 0; i < group.size(); ++i) {
    if (auto checked = check(group[i]); !checked)
      return checked;
    first[i] = tiles;
    tiles += group[i].weights->tiles();
  }
  const int32_t tasks =
      std::min(tiles, stream.threads.threads() == 1 ? 1 : stream.threads.threads() * tasks_per_thread);
  const auto& kernels = kernels_of(stream.isa);
  stream.threads.run(static_cast<size_t>(tasks), [&](size_t index) {
    const auto bound = [&](size_t i) { // 64 bits: an output head has many tiles
      return static_cast<int32_t>(int64_t{tiles} * static_cast<int64_t>(i) / tasks);
    };
    const auto begin = bound(index), end = bound(index + 1);
    for (size_t i = 0; i < group.size(); ++i) {
      auto task = task_of(group[i]);
      task.tile_begin = std::max(0, begin - first[i]);
      task.tile_end = std::min(task.tile_end, end - first[i]);
      if (task.tile_begin < task.tile_end)
        kernels.linear(task);
    }
  });
  return {};
}

} // namespace troupe
