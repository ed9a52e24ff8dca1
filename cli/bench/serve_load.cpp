#include "cli/bench/serve_load.hpp"

#include <algorithm>
#include <chrono>

namespace troupe {

serve_load::serve_load(http_stream_client& client, const time_source& clock,
                       const serve_load_options& options)
    : client_(client), clock_(clock), options_(options), plan_(options.seed) {
  if (options.rate > 0)
    arrivals_us_ = plan_.arrivals_us(options.requests, options.rate);
}

std::vector<request_record> serve_load::run(const std::function<void(size_t)>& progress) {
  progress_ = progress;
  begun_ = clock_.now();
  if (arrivals_us_.empty()) {
    due_ = options_.requests;
    while (next_ < std::min<int64_t>(options_.concurrency, due_))
      start(next_++, begun_);
  } else {
    arrive(0);
  }
  client_.run();
  return std::move(records_);
}

/// Waits for one arrival at a time; each sets the timer of the next.
void serve_load::arrive(int64_t index) {
  auto due = begun_ + microseconds(arrivals_us_[index]);
  auto delay = std::chrono::duration_cast<microseconds>(due - clock_.now());
  client_.after(std::max<int64_t>(0, delay.count()), [this, index] {
    due_ = index + 1;
    if (due_ < options_.requests)
      arrive(due_);
    if (running_ < options_.concurrency && next_ < due_) {
      int64_t at = next_++;
      start(at, begun_ + microseconds(arrivals_us_[at]));
    }
  });
}

void serve_load::start(int64_t index, steady_time arrived) {
  ++running_;
  auto stream = std::make_shared<completion_stream>(
      clock_, arrived, [this](request_record record) { ended(std::move(record)); });
  client_.start(
      {options_.path, completion_body(options_.model, plan_.prompt(index, options_.prompt_tokens),
                                      options_.max_tokens, options_.seed + static_cast<uint64_t>(index))},
      std::move(stream));
}

void serve_load::ended(request_record record) {
  --running_;
  records_.push_back(std::move(record));
  progress_(records_.size());
  if (next_ < due_) {
    int64_t at = next_++;
    start(at, arrivals_us_.empty() ? clock_.now() : begun_ + microseconds(arrivals_us_[at]));
  }
}

} // namespace troupe
