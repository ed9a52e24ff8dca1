#pragma once

#include "cli/bench/completion_stream.hpp"
#include "cli/percentile.hpp"

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <span>
#include <string>

namespace troupe {

/// What a load came to. Times in milliseconds; only requests that worked count, but for `problems`.
struct serve_report {
  size_t completed = 0;
  double seconds = 0; // first arrival to last end, over all requests
  double requests_per_s = 0;
  double output_tokens_per_s = 0;
  int64_t prompt_tokens = 0;
  int64_t output_tokens = 0;
  summary first_token_ms; // from when the request was due
  summary between_tokens_ms;
  summary end_to_end_ms;
  std::map<std::string, size_t> problems; // at most 20 different ones, then "others"
};

serve_report make_report(std::span<const request_record>);

nlohmann::ordered_json to_json(const serve_report&);
void print(const serve_report&, std::ostream&);

} // namespace troupe
