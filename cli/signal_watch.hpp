#pragma once

#include "base/clock.hpp"

#include <csignal>
#include <initializer_list>

namespace troupe {

/// Turns signals into something to poll() for, while it lives: they are blocked in the thread that makes it
/// and in every thread started from there, so make it before a node.
class signal_watch {
public:
  explicit signal_watch(std::initializer_list<int> signals, const time_source& clock = system_clock());
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  int fd() const { return fd_; } // readable while one is pending

  /// The next pending one, or 0.
  int take();

  /// The next pending one that is no echo, or 0. An echo is the same signal within 200 ms of the one taken
  /// before: timeout(1) sends one to its child and then to the child's whole group, and means one.
  int take_new();

private:
  const time_source& clock_;
  int last_ = 0;
  steady_time taken_at_{};
  sigset_t before_;
  int fd_;
};

} // namespace troupe
