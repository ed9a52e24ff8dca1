#include "kernels/cpu/gelu_multiply.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

namespace troupe {

status gelu_multiply(const gelu_multiply_params& params, const cpu_stream& stream) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.width < 1)
    return shape_failure("width", "1 or more", params.width);
  if (params.gate == nullptr || params.up == nullptr || params.output == nullptr)
    return null_failure("gate, up, output");
  const auto& kernels = kernels_of(stream.isa);
  run_rows(stream.threads, params.tokens,
           [&](int32_t begin, int32_t end) { kernels.gelu_multiply(params, begin, end); });
  return {};
}

} // namespace troupe
