#pragma once

#include <ostream>

namespace troupe {

/// What a command may talk to. Tests hand in a pipe and string streams.
struct console {
  int in_fd =
      0; // read with poll() and read(), never through a stream: input and signals are awaited together
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

} // namespace troupe
