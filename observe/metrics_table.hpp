#pragma once

#include <span>
#include <string>
#include <string_view>

namespace troupe {

enum class metric_type { counter, gauge, histogram };

std::string_view to_string(metric_type);

/// One metric: its name in the text format, and what an operator must know to read it.
struct metric_row {
  std::string_view name;
  metric_type type;
  std::string_view help;
  std::string_view labels = {};         // names, joined by ", "
  std::span<const double> buckets = {}; // upper bounds of a histogram, ascending; +Inf is implied
};

/// Every metric of a node, in the order of docs/metrics.md. Where vLLM has the same one, ours has the same
/// stem behind `troupe_` in place of `vllm:`, so that a dashboard moves over by renaming.
std::span<const metric_row> all_metrics();

/// The row of a name. Broken invariant if there is none.
const metric_row& metric_named(std::string_view name);

/// docs/metrics.md. A test compares; TROUPE_UPDATE_DOCS=1 makes the test write the file.
std::string metrics_markdown();

} // namespace troupe
