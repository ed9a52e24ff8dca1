#pragma once

#include "base/clock.hpp"
#include "cli/bench/load_plan.hpp"
#include "cli/bench/measured_stream.hpp"
#include "net/client/http_stream_client.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

enum class load_api { chat, responses };

struct serve_load_options {
  load_api api = load_api::chat;
  std::string prefix; // of the server's paths
  std::string model;  // empty: whatever is served
  int64_t requests = 100;
  double duration_s = 0;   // nothing is sent later; 0: only `requests` ends the load
  double warmup_s = 0;     // before the measured part; counts to the duration
  int32_t concurrency = 8; // requests in flight at most
  double rate = 0;         // arrivals per second; 0: closed loop, the next one starts when one ends
  bool ignore_eos = false; // asks for answers of exactly max_tokens
  load_plan_options plan;
};

/// What a load did.
struct load_result {
  std::vector<request_record> records; // in the order of their ends
  steady_time begun;                   // of the load, warm-up included
  steady_time measured_from;
  steady_time measured_to; // nothing was sent after it, or the last end
  int32_t in_flight_max = 0;
  int64_t not_sent = 0; // arrived, and found no place before the load's end
};

/// Sends a load and collects what became of it. In the open loop a request that must wait for its place is
/// timed from when it was due: a slow server may not slow its load down and look fast.
class serve_load {
public:
  serve_load(http_stream_client&, const time_source&, serve_load_options);

  /// progress: after each request, with the count so far.
  load_result run(const std::function<void(size_t done)>& progress);

private:
  void arrive();
  void fill_places();
  void start(steady_time arrived);
  void ended(request_record);
  bool over() const;

  http_stream_client& client_;
  const time_source& clock_;
  serve_load_options options_;
  load_plan plan_;
  arrival_process arrivals_;
  std::deque<steady_time> due_; // open loop: arrived, without a place; at most `requests`
  int64_t arrived_ = 0;
  int64_t next_ = 0; // to start
  int32_t running_ = 0;
  load_result result_;
  std::function<void(size_t)> progress_;
};

} // namespace troupe
