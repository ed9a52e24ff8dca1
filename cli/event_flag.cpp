#include "cli/event_flag.hpp"

#include "base/check.hpp"

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace troupe {

event_flag::event_flag() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  TROUPE_CHECK(fd_ >= 0, "no file descriptor left for an eventfd");
}

event_flag::~event_flag() {
  close(fd_);
}

void event_flag::raise() {
  uint64_t one = 1;
  [[maybe_unused]] auto written = write(fd_, &one, sizeof one);
}

void event_flag::lower() {
  uint64_t count = 0;
  [[maybe_unused]] auto taken = read(fd_, &count, sizeof count);
}

} // namespace troupe
