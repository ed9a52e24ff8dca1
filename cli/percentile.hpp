#pragma once

#include <span>
#include <vector>

namespace troupe {

/// The smallest value of which at least `percent` % of all are no larger (nearest rank; no interpolation, so
/// that every number reported was measured). ascending: sorted, not empty; percent: 1 to 100.
double percentile(std::span<const double> ascending, int percent);

/// What is left of a set of measurements, in their unit; all zero for an empty set.
struct summary {
  size_t count = 0;
  double mean = 0, minimum = 0, p50 = 0, p90 = 0, p99 = 0, maximum = 0;
};

summary summarize(std::vector<double> values);

} // namespace troupe
