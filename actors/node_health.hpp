#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace troupe {

/// What the health monitor knows, for anyone to read without a message.
/// Ready (invariant 11): a real or canary step ended within the last max(2 s, 3 × its duration).
class node_health {
public:
  void step_ended(steady_time now, int64_t step_us) {
    last_step_us_.store(step_us);
    last_end_.store(now.time_since_epoch().count());
  }

  /// The engine is down for good, or the node is going away.
  void set_unavailable(bool value) { unavailable_.store(value); }

  bool unavailable() const { return unavailable_.load(); }

  bool ready(steady_time now) const {
    const auto end = last_end_.load();
    if (end == 0 || unavailable())
      return false;
    const auto allowed =
        std::max<steady_time::duration>(std::chrono::seconds(2), microseconds(3 * last_step_us_.load()));
    return now - steady_time(steady_time::duration(end)) <= allowed;
  }

private:
  std::atomic<int64_t> last_end_{0}; // steady clock; 0: no step yet
  std::atomic<int64_t> last_step_us_{0};
  std::atomic<bool> unavailable_{false};
};

} // namespace troupe
