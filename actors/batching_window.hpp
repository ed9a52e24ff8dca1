#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace troupe {

enum class window_kind {
  adaptive, // waits only when more arrivals are expected within the window *and* waiting would fill the batch
  fixed,    // waits the whole window, or until the batch is full; to compare with
};

/// How long an idle engine waits for company before it starts a batch.
class batching_window {
public:
  /// upper_bound: no request waits longer than this for company (0: never wait).
  batching_window(microseconds upper_bound, int32_t batch_size, window_kind kind = window_kind::adaptive);

  void arrival(steady_time now);

  /// When to start a batch of the `waiting` sequences of which the first came at `oldest`: now or earlier
  /// means at once. Ask again at that time and after each arrival.
  steady_time start_at(steady_time now, int32_t waiting, steady_time oldest) const;

private:
  microseconds upper_bound_;
  int32_t batch_size_;
  window_kind kind_;
  bool seen_ = false;
  steady_time last_arrival_{};
  double interval_us_ = 1e12; // mean time between arrivals, exponentially weighted
};

} // namespace troupe
