#include "kernels/cpu/rms_norm.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

namespace troupe {

status rms_norm(const rms_norm_params& params, const cpu_stream& stream) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.hidden < 1)
    return shape_failure("hidden", "1 or more", params.hidden);
  if (!(params.epsilon > 0.0f))
    return shape_failure("epsilon", "above 0", params.epsilon);
  if (params.input == nullptr || params.weight == nullptr || params.output == nullptr)
    return null_failure("input, weight, output");
  const auto& kernels = kernels_of(stream.isa);
  run_rows(stream.threads, params.tokens,
           [&](int32_t begin, int32_t end) { kernels.rms_norm(params, begin, end); });
  return {};
}

} // namespace troupe
