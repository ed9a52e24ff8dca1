#pragma once

#include "base/clock.hpp"
#include "supervision/child_process.hpp"

#include <optional>
#include <string_view>

namespace troupe {

struct engine_watch_limits {
  milliseconds tick{100};
  milliseconds silence{3000}; // FAULTS: detection of a silence
  milliseconds step_deadline{30'000};
  milliseconds start{600'000}; // from the process's start to engine_up
};

/// Why a front ends its engine's process.
enum class kill_cause { none, silent, step_too_long, start_too_long, asked };

std::string_view to_string(kill_cause cause);

/// Judges a process from what is heard of it: whether it is to be ended, and what its end says. Plain code.
class engine_watch {
public:
  explicit engine_watch(engine_watch_limits limits) : limits_(limits) {}

  /// A process was started.
  void begin(steady_time now);

  /// It said something.
  void heard() { silent_ = milliseconds(0); }
  void came_up() { up_ = true; }

  /// Once a tick. Silence and a step's time are counted in ticks of our own: a front that was stopped itself
  /// blames nobody for it. step_since: of the running step, as in step_record.
  kill_cause tick(steady_time now, std::optional<steady_time> step_since);

  /// It is being killed for this; the first cause stays.
  void killed_for(kill_cause cause);
  kill_cause cause() const { return cause_; }

  /// Whether its running step may have caused its end. Not where somebody outside sent a signal, or we ended
  /// it because all of it stood still: what a step does to its process shows as a fault's signal, as an exit,
  /// as a step without an end, or as memory that runs short.
  bool step_is_suspect(const process_end& end, bool memory_was_short) const;

private:
  engine_watch_limits limits_;
  steady_time began_{};
  bool up_ = false;
  milliseconds silent_{0};
  std::optional<steady_time> step_; // that ran at the last tick
  milliseconds step_time_{0};       // over which it has been running
  kill_cause cause_ = kill_cause::none;
};

} // namespace troupe
