#pragma once

#include "cli/console.hpp"

#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>

namespace troupe {

/// A pipe that holds what somebody typed (less than its 64 KiB), and the streams beside it.
class pipe_input {
public:
  explicit pipe_input(std::string_view typed, bool ended = true) {
    if (pipe(fds_) != 0)
      throw std::runtime_error("pipe");
    if (write(fds_[1], typed.data(), typed.size()) != static_cast<ssize_t>(typed.size()))
      throw std::runtime_error("write");
    if (ended)
      end();
  }
  ~pipe_input() {
    end();
    close(fds_[0]);
  }

  void end() {
    if (fds_[1] >= 0)
      close(fds_[1]);
    fds_[1] = -1;
  }

  int fd() const { return fds_[0]; }
  std::ostringstream out, err;
  console io{.in_fd = 0, .out = out, .err = err};

  console& attach() {
    io.in_fd = fds_[0];
    return io;
  }

private:
  int fds_[2] = {-1, -1};
};

/// What a command line did.
struct cli_outcome {
  int code = -1;
  std::string out, err;
};

} // namespace troupe
