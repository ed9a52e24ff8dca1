#include "cli/run_cli.hpp"

#include <csignal>
#include <iostream>
#include <unistd.h>

int main(int argc, char** argv) {
  // A reader that goes away (`troupe generate | head`) shows as a failed write, not as a dead process.
  std::signal(SIGPIPE, SIG_IGN);
  troupe::console io{.in_fd = STDIN_FILENO,
                     .out = std::cout,
                     .err = std::cerr,
                     .in_is_terminal = isatty(STDIN_FILENO) != 0,
                     .out_is_terminal = isatty(STDOUT_FILENO) != 0,
                     .err_is_terminal = isatty(STDERR_FILENO) != 0};
  return troupe::run_cli(argc, argv, io);
}
