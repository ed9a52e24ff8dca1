#include "kernels/cpu/add_rows.hpp"

#include "kernels/cpu/row_ranges.hpp"
#include "kernels/cpu/shape_check.hpp"

#include <cstddef>

namespace troupe {

/// One addition each, which every instruction set rounds alike: no kernel of its own.
status add_rows(const add_rows_params& params, const cpu_stream& stream) {
  if (params.tokens < 0)
    return shape_failure("tokens", "0 or more", params.tokens);
  if (params.width < 1)
    return shape_failure("width", "1 or more", params.width);
  if (params.input == nullptr || params.output == nullptr)
    return null_failure("input, output");
  run_rows(stream.threads, params.tokens, [&](int32_t begin, int32_t end) {
    const auto width = static_cast<size_t>(params.width);
    for (auto i = static_cast<size_t>(begin) * width; i < static_cast<size_t>(end) * width; ++i)
      params.output[i] += params.input[i];
  });
  return {};
}

} // namespace troupe
