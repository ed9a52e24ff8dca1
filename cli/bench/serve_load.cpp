#include "cli/bench/serve_load.hpp"

#include <algorithm>
#include <chrono>

namespace troupe {

namespace {

// Where nobody listens, a closed loop would do nothing but fail.
constexpr int64_t rest_after_failure_us = 100'000;

microseconds of_seconds(double seconds) {
  return microseconds(static_cast<int64_t>(seconds * 1e6));
}

} // namespace

serve_load::serve_load(http_stream_client& client, const time_source& clock, serve_load_options options)
    : client_(client), clock_(clock), options_(std::move(options)), plan_(options_.plan),
      arrivals_(options_.plan.seed, std::max(options_.rate, 1e-9)) {}

load_result serve_load::run(const std::function<void(size_t)>& progress) {
  progress_ = progress;
  result_.begun = clock_.now();
  result_.measured_from = result_.begun + of_seconds(options_.warmup_s);
  if (options_.rate > 0)
    arrive();
  else
    fill_places();
  client_.run();
  result_.not_sent = static_cast<int64_t>(due_.size());
  result_.measured_to = result_.measured_from;
  for (const request_record& record : result_.records)
    result_.measured_to = std::max(result_.measured_to, record.ended);
  // Past the duration the load only runs out, and that is no rate of anything.
  if (options_.duration_s > 0)
    result_.measured_to = std::min(result_.measured_to, result_.begun + of_seconds(options_.duration_s));
  return std::move(result_);
}

/// Nothing more is sent.
bool serve_load::over() const {
  return next_ >= options_.requests ||
         (options_.duration_s > 0 && clock_.now() - result_.begun >= of_seconds(options_.duration_s));
}

/// Waits for one arrival at a time; each sets the timer of the next.
void serve_load::arrive() {
  if (arrived_ >= options_.requests)
    return;
  const auto at = microseconds(arrivals_.next_us());
  if (options_.duration_s > 0 && at >= of_seconds(options_.duration_s))
    return;
  ++arrived_;
  const auto due = result_.begun + at;
  const auto delay = std::chrono::duration_cast<microseconds>(due - clock_.now());
  client_.after(std::max<int64_t>(0, delay.count()), [this, due] {
    due_.push_back(due);
    fill_places();
    arrive();
  });
}

void serve_load::fill_places() {
  while (running_ < options_.concurrency && !over()) {
    if (options_.rate <= 0) {
      start(clock_.now());
    } else if (due_.empty()) {
      return;
    } else {
      const auto arrived = due_.front();
      due_.pop_front();
      start(arrived);
    }
  }
}

void serve_load::start(steady_time arrived) {
  const int64_t index = next_++;
  ++running_;
  result_.in_flight_max = std::max(result_.in_flight_max, running_);
  const auto done = [this](request_record record) { ended(std::move(record)); };
  const auto planned = plan_.at(index);
  const uint64_t seed = options_.plan.seed + static_cast<uint64_t>(index);
  if (options_.api == load_api::chat)
    client_.start({options_.prefix + "/v1/chat/completions",
                   chat_stream::body(options_.model, planned, seed, options_.ignore_eos)},
                  std::make_shared<chat_stream>(clock_, arrived, done));
  else
    client_.start({options_.prefix + "/v1/responses",
                   response_stream::body(options_.model, planned, seed, options_.ignore_eos)},
                  std::make_shared<response_stream>(clock_, arrived, done));
}

void serve_load::ended(request_record record) {
  const bool failed = !record.problem.empty();
  result_.records.push_back(std::move(record));
  progress_(result_.records.size());
  const auto leave = [this] {
    --running_;
    fill_places();
  };
  if (failed)
    client_.after(rest_after_failure_us, leave);
  else
    leave();
}

} // namespace troupe
