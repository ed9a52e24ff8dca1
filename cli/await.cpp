#include "cli/await.hpp"

#include "base/check.hpp"

#include <array>
#include <cerrno>
#include <poll.h>

namespace troupe {

int await_readable(std::initializer_list<int> fds, int timeout_ms) {
  std::array<pollfd, 4> waits{};
  TROUPE_CHECK(fds.size() <= waits.size(), "more descriptors than there is room for");
  size_t count = 0;
  for (int fd : fds)
    waits[count++] = {.fd = fd, .events = POLLIN, .revents = 0};
  int ready = 0;
  do
    ready = poll(waits.data(), count, timeout_ms);
  while (ready < 0 && errno == EINTR);
  for (size_t i = 0; i < count; ++i)
    if (waits[i].revents != 0)
      return waits[i].fd;
  return -1;
}

} // namespace troupe
