#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

using steady_time = std::chrono::steady_clock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Where time comes from. Tests hand in a manual_clock; nothing of ours calls steady_clock::now() itself.
class time_source {
public:
  virtual ~time_source() = default;

  /// Monotonic, for deadlines and durations.
  virtual steady_time now() const = 0;

  /// Seconds since 1970, for timestamps that people read. May jump.
  virtual int64_t unix_seconds() const = 0;
};

/// The clocks of this machine.
const time_source& system_clock();

/// Stands still until advanced.
class manual_clock final : public time_source {
public:
  steady_time now() const override { return now_; }
  int64_t unix_seconds() const override { return unix_seconds_; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }
  void set_unix_seconds(int64_t value) { unix_seconds_ = value; }

private:
  steady_time now_{};
  int64_t unix_seconds_ = 1'700'000'000;
};

} // namespace troupe
