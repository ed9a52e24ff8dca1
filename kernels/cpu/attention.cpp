#include "kernels/cpu/attention.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

#include <vector>

namespace troupe {

namespace {

constexpr int32_t head_dim_max = 256; // of the kernels' buffers

/// Query rows of one task: the kernels take them by sixes and threes.
constexpr int32_t rows_of_task = 24;

status check(const layer_pages& pages, std::span<const attention_slice> slices) {
  const auto& layout = pages.layout;
  if (layout.kv_heads < 1)
    return shape_failure("kv_heads", "1 or more", layout.kv_heads);
  if (layout.head_dim < 16 || layout.head_dim % 16 != 0 || layout.head_dim > head_dim_max)
    return shape_failure("head_dim", "a multiple of 16 up to 256", layout.head_dim);
  if (pages.page_stride < layout.layer_bytes())
    return shape_failure("page_stride", fmt::format("at least {}", layout.layer_bytes()), pages.page_stride);
  if (pages.base == nullptr)
    return null_failure("pages");
  for (const auto& slice : slices) {
    if (slice.tokens < 1 || slice.position < 0 || slice.first_row < 0)
      return shape_failure("slice", "tokens 1 or more, position and first_row 0 or more",
                           fmt::format("{}, {}, {}", slice.tokens, slice.position, slice.first_row));
    if (slice.block_table == nullptr)
      return null_failure("block_table");
  }
  return {};
}

} // namespace

status append_kv(const append_kv_params& params, const cpu_stream& stream) {
  if (auto checked = check(params.pages, params.slices); !checked)
    return checked;
  if (params.key == nullptr || params.value == nullptr)
    return null_failure("key, value");
  const auto& kernels = kernels_of(stream.isa);
  // Tokens of one slice share pages, not elements, so they may go to different threads.
  for (const auto& slice : params.slices)
    run_rows(stream.threads, slice.tokens, [&](int32_t begin, int32_t end) {
      for (auto token = begin; token < end; ++token)
        kernels.append_kv(params, slice, token);
    });
  return {};
}

status attention(const attention_params& params, const cpu_stream& stream) {
  if (auto checked = check(params.pages, params.slices); !checked)
    return checked;
  const auto kv_heads = params.pages.layout.kv_heads;
  if (params.heads < 1 || params.heads % kv_heads != 0)
    return shape_failure("heads", fmt::format("a multiple of kv_heads {}", kv_heads), params.heads);
  const auto& window = params.window;
  if (window.positions < 0 || window.sinks < 0 || (window.sinks > 0 && !window.limited()))
    return shape_failure("window", "positions and sinks 0 or more, and no sinks without positions",
                         fmt::format("{}, {}", window.positions, window.sinks));
  if (params.query == nullptr || params.output == nullptr)
    return null_failure("query, output");
  std::vector<attention_task> tasks;
  for (const auto& slice : params.slices) {
    const auto rows = slice.tokens * (params.heads / kv_heads);
    for (int32_t head = 0; head < kv_heads; ++head)
      for (int32_t row = 0; row < rows; row += rows_of_task)
        tasks.push_back({slice, head, row, std::min(rows, row + rows_of_task)});
  }
  const auto& kernels = kernels_of(stream.isa);
  stream.threads.run(tasks.size(), [&](size_t index) { kernels.attention(params, tasks[index]); });
  return {};
}

} // namespace troupe
