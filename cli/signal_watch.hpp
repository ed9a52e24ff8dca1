#pragma once

#include <csignal>
#include <initializer_list>

namespace troupe {

/// Turns signals into something to poll() for, while it lives: they are blocked in the thread that makes it
/// and in every thread started from there, so make it before a node.
class signal_watch {
public:
  explicit signal_watch(std::initializer_list<int> signals);
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  int fd() const { return fd_; } // readable while one is pending

  /// The next pending one, or 0.
  int take();

private:
  sigset_t before_;
  int fd_;
};

} // namespace troupe
