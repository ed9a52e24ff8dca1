#pragma once

#include "cli/bench/goodput.hpp"
#include "cli/bench/serve_load.hpp"
#include "cli/percentile.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// One kind of latency, in milliseconds.
struct latencies {
  summary numbers;
  std::vector<double> curve; // the 0th, 1st, … 100th percentile; empty where nothing was measured
};

/// How the load went along, in equal parts from its begin, warm-up included.
struct load_timeline {
  double part_s = 1;
  std::vector<double> output_tokens_per_s;
  std::vector<double> in_flight;                     // at the part's end, waiting for a place included
  std::vector<double> failed;                        // requests that ended badly
  std::vector<std::pair<float, float>> first_tokens; // [seconds, ms], at most 2,000 of them
  double measured_from_s = 0;
  double measured_to_s = 0;
};

/// What a load came to. Latencies are those of requests that worked and arrived in the measured part; rates
/// are what ended, and what tokens came, in that time. `problems` and `kinds` count all requests.
struct serve_report {
  size_t requests = 0;  // all, warm-up included
  size_t completed = 0; // of the measured
  size_t failed = 0;    // of all
  int64_t not_sent = 0;
  int32_t in_flight_max = 0;
  double seconds = 0; // measured
  double requests_per_s = 0;
  double output_tokens_per_s = 0;
  int64_t prompt_tokens = 0;
  int64_t output_tokens = 0;
  latencies first_token_ms;    // from when the request was due
  latencies between_tokens_ms; // each pause
  latencies per_token_ms;      // the mean pause of each request
  latencies end_to_end_ms;
  goodput_bounds bounds;
  double good_share = 0; // of the measured requests, failed ones included
  double good_per_s = 0;
  std::map<std::string, size_t> kinds;    // "http_429", "not_whole", …
  std::map<std::string, size_t> problems; // at most 20 different ones, then "others"
  load_timeline timeline;
};

serve_report make_report(const load_result&, const goodput_bounds&);

nlohmann::ordered_json to_json(const serve_report&);
void print(const serve_report&, std::ostream&);

} // namespace troupe
