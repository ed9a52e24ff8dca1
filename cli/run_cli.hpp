#pragma once

#include "cli/console.hpp"

namespace troupe {

/// The whole program but for main(): reads the arguments, does what they ask, returns the exit code
/// (cli/exit_code.hpp). Throws nothing.
int run_cli(int argc, const char* const* argv, console&);

} // namespace troupe
