#include "kernels/cpu/quantize_rows.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

namespace troupe {

status quantize_rows(const quantize_rows_params& params, const cpu_stream& stream) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.columns < block_columns || params.columns % block_columns != 0)
    return shape_failure("columns", "a multiple of 32", params.columns);
  const auto& out = params.output;
  if (out.stride < params.tokens)
    return shape_failure("stride", fmt::format("at least {} tokens", params.tokens), out.stride);
  if (params.input == nullptr || out.codes == nullptr || out.scales == nullptr || out.sums == nullptr ||
      out.totals == nullptr || out.first_totals == nullptr)
    return null_failure("input, codes, scales, sums, totals, first_totals");
  const auto& kernels = kernels_of(stream.isa);
  run_rows(stream.threads, params.tokens,
           [&](int32_t begin, int32_t end) { kernels.quantize_rows(params, begin, end); });
  return {};
}

} // namespace troupe
