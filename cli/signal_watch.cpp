#include "cli/signal_watch.hpp"

#include "base/check.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr milliseconds echo_time{200};

} // namespace

signal_watch::signal_watch(std::initializer_list<int> signals, const time_source& clock) : clock_(clock) {
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : signals)
    sigaddset(&watched, signal);
  pthread_sigmask(SIG_BLOCK, &watched, &before_);
  fd_ = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
  TROUPE_CHECK(fd_ >= 0, "no file descriptor left for a signalfd");
}

signal_watch::~signal_watch() {
  while (take() != 0) // or the first one pending would end the process now
    ;
  close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int signal_watch::take() {
  signalfd_siginfo info;
  if (read(fd_, &info, sizeof info) != sizeof info)
    return 0;
  last_ = static_cast<int>(info.ssi_signo);
  taken_at_ = clock_.now();
  return last_;
}

int signal_watch::take_new() {
  const int before = last_;
  const steady_time before_at = taken_at_;
  while (const int signal = take()) {
    if (signal != before || taken_at_ - before_at >= echo_time)
      return signal;
    taken_at_ = before_at; // or a row of echoes would never end
  }
  return 0;
}

} // namespace troupe
