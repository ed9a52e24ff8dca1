#include "actors/batching_window.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr double weight = 0.2;          // of the newest interval: about the last ten arrivals count
constexpr double interval_max_us = 1e9; // one quiet night must not take ten arrivals to forget

} // namespace

batching_window::batching_window(microseconds upper_bound, int32_t batch_size, window_kind kind)
    : upper_bound_(upper_bound), batch_size_(batch_size), kind_(kind) {}

void batching_window::arrival(steady_time now) {
  if (seen_) {
    const auto since = std::chrono::duration<double, std::micro>(now - last_arrival_).count();
    const auto interval = std::min(since, interval_max_us);
    interval_us_ =
        interval_us_ > interval_max_us ? interval : interval_us_ + weight * (interval - interval_us_);
  }
  seen_ = true;
  last_arrival_ = now;
}

steady_time batching_window::start_at(steady_time now, int32_t waiting, steady_time oldest) const {
  const auto close = oldest + upper_bound_;
  if (waiting >= batch_size_ || now >= close)
    return now;
  if (kind_ == window_kind::fixed)
    return close;
  const auto missing_us = static_cast<double>(batch_size_ - waiting) * interval_us_;
  if (missing_us > std::chrono::duration<double, std::micro>(close - now).count())
    return now; // waiting would not fill the batch
  // Arrivals that stop end the wait early: two expected intervals of silence are enough.
  const auto silence = last_arrival_ + microseconds(static_cast<int64_t>(2 * interval_us_) + 1);
  return std::min(close, silence);
}

} // namespace troupe
