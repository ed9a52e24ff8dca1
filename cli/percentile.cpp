#include "cli/percentile.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <numeric>

namespace troupe {

double percentile(std::span<const double> ascending, int percent) {
  TROUPE_CHECK(!ascending.empty(), "no percentile of nothing");
  TROUPE_CHECK(percent >= 1 && percent <= 100, "percent lies in 1 to 100");
  // Whole numbers: 0.07 * 100 is 7.000000000000001 in floating point, and its ceiling 8.
  size_t rank = (ascending.size() * static_cast<size_t>(percent) + 99) / 100;
  return ascending[rank - 1];
}

summary summarize(std::vector<double> values) {
  if (values.empty())
    return {};
  std::ranges::sort(values);
  return {.count = values.size(),
          .mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
          .minimum = values.front(),
          .p50 = percentile(values, 50),
          .p90 = percentile(values, 90),
          .p99 = percentile(values, 99),
          .maximum = values.back()};
}

} // namespace troupe
