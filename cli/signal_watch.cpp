#include "cli/signal_watch.hpp"

#include "base/check.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe {

signal_watch::signal_watch(std::initializer_list<int> signals) {
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
  return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

} // namespace troupe
