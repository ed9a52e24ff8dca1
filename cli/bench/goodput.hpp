#pragma once

#include "base/result.hpp"

#include <string_view>

namespace troupe {

/// What a request must keep to be counted as good, in milliseconds; 0: no bound.
struct goodput_bounds {
  double first_token_ms = 0;
  double per_token_ms = 0; // mean time between tokens of the request
  double end_to_end_ms = 0;

  bool any() const { return first_token_ms > 0 || per_token_ms > 0 || end_to_end_ms > 0; }
};

/// "ttft:500,tpot:50,e2e:10000", in any order, each at most once. Errors: bad_usage.
result<goodput_bounds> parse_goodput(std::string_view text);

} // namespace troupe
