#pragma once

#include <prometheus/metric_family.h>
#include <vector>

namespace troupe {

/// The process_* metrics that every Prometheus client library has, read from /proc now. What cannot be read
/// is left out.
std::vector<prometheus::MetricFamily> process_metrics();

} // namespace troupe
