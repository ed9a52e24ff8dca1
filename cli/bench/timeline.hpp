#pragma once

#include "cli/bench/serve_report.hpp"

namespace troupe {

/// Output tokens that came from one time to another, of requests that worked. A request's tokens are spread
/// evenly over its pieces of text.
double tokens_between(const load_result&, steady_time from, steady_time to);

/// In whole seconds, at most 600 parts.
load_timeline make_timeline(const load_result&);

} // namespace troupe
