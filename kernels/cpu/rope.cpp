#include "kernels/cpu/rope.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

#include <cmath>

namespace troupe {

aligned_buffer make_rope_table(int32_t positions, int32_t head_dim, double base,
                               std::span<const double> divisors) {
  const auto wide = static_cast<size_t>(head_dim);
  aligned_buffer table(static_cast<size_t>(positions) * 2 * wide * sizeof(float));
  auto* out = table.as<float>();
  for (size_t pair = 0; pair < wide / 2; ++pair) {
    double frequency = std::pow(base, -2.0 * static_cast<double>(pair) / static_cast<double>(head_dim));
    if (!divisors.empty())
      frequency /= divisors[pair];
    for (size_t position = 0; position < static_cast<size_t>(positions); ++position) {
      const double angle = static_cast<double>(position) * frequency;
      float* cosines = out + position * 2 * wide + 2 * pair;
      const auto sine = static_cast<float>(std::sin(angle));
      cosines[0] = cosines[1] = static_cast<float>(std::cos(angle));
      cosines[wide] = -sine;
      cosines[wide + 1] = sine;
    }
  }
  return table;
}

status rope(const rope_params& params, const cpu_stream& stream) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.heads < 1)
    return shape_failure("heads", "1 or more", params.heads);
  if (params.head_dim < 16 || params.head_dim % 16 != 0)
    return shape_failure("head_dim", "a multiple of 16", params.head_dim);
  if (params.rows == nullptr || params.positions == nullptr || params.table == nullptr)
    return null_failure("rows, positions, table");
  for (int32_t i = 0; i < params.tokens; ++i)
    if (params.positions[i] < 0 || params.positions[i] >= params.table_positions)
      return shape_failure("positions", fmt::format("0 to {}", params.table_positions - 1),
                           params.positions[i]);
  const auto& kernels = kernels_of(stream.isa);
  run_rows(stream.threads, params.tokens,
           [&](int32_t begin, int32_t end) { kernels.rope(params, begin, end); });
  return {};
}

} // namespace troupe
