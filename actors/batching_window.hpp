#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace troupe {

/// How long an idle engine waits for company before it starts a batch. It waits only when more arrivals are
/// expected within the window *and* waiting would fill the batch; otherwise it starts at once.
class batching_window {
public:
  /// upper_bound: no request waits longer than this for company (0: never wait).
  batching_window(microseconds upper_bound, int32_t batch_size);

  void arrival(steady_time now);

  /// When to start a batch of the `waiting` sequences of which the first came at `oldest`: now or earlier
  /// means at once. Ask again at that time and after each arrival.
  steady_time start_at(steady_time now, int32_t waiting, steady_time oldest) const;

private:
  microseconds upper_bound_;
  int32_t batch_size_;
  bool seen_ = false;
  steady_time last_arrival_{};
  double interval_us_ = 1e12; // mean time between arrivals, exponentially weighted
};

} // namespace troupe
