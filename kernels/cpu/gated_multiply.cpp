#include "kernels/cpu/gated_multiply.hpp"

#include "kernels/cpu/kernel_table.hpp"
#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

namespace troupe {

namespace {

status run(const gated_multiply_params& params, const cpu_stream& stream,
           decltype(kernel_table::silu_multiply) kernel) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.width < 1)
    return shape_failure("width", "1 or more", params.width);
  if (params.gate == nullptr || params.up == nullptr || params.output == nullptr)
    return null_failure("gate, up, output");
  run_rows(stream.threads, params.tokens, [&](int32_t begin, int32_t end) { kernel(params, begin, end); });
  return {};
}

} // namespace

status silu_multiply(const gated_multiply_params& params, const cpu_stream& stream) {
  return run(params, stream, kernels_of(stream.isa).silu_multiply);
}

status gelu_multiply(const gated_multiply_params& params, const cpu_stream& stream) {
  return run(params, stream, kernels_of(stream.isa).gelu_multiply);
}

} // namespace troupe
