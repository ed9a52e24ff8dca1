#pragma once

#include "base/clock.hpp"
#include "cli/bench/completion_stream.hpp"
#include "cli/bench/load_plan.hpp"
#include "net/client/http_stream_client.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

struct serve_load_options {
  std::string path = "/v1/chat/completions";
  std::string model; // empty: whatever is served
  int64_t requests = 100;
  int32_t concurrency = 8; // requests in flight at most
  double rate = 0;         // arrivals per second; 0: closed loop, the next one starts when one ends
  int32_t prompt_tokens = 128;
  int32_t max_tokens = 64;
  uint64_t seed = 0;
};

/// Sends a load and collects what became of it. In the open loop a request that must wait for its place is
/// timed from when it was due: a slow server may not slow its load down and look fast.
class serve_load {
public:
  serve_load(http_stream_client&, const time_source&, const serve_load_options&);

  /// One record a request, in the order of their ends. progress: after each one, with the count so far.
  std::vector<request_record> run(const std::function<void(size_t done)>& progress);

private:
  void arrive(int64_t index);
  void start(int64_t index, steady_time arrived);
  void ended(request_record);

  http_stream_client& client_;
  const time_source& clock_;
  serve_load_options options_;
  load_plan plan_;
  std::vector<int64_t> arrivals_us_; // open loop
  steady_time begun_;
  int64_t next_ = 0; // to start
  int64_t due_ = 0;  // arrived so far; next_ to due_ wait for a place
  int32_t running_ = 0;
  std::vector<request_record> records_;
  std::function<void(size_t)> progress_;
};

} // namespace troupe
