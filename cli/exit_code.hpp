#pragma once

namespace troupe {

/// What a command returns to the shell. A command that a second signal ends returns 128 + the signal instead.
enum exit_code : int {
  exit_success = 0,
  exit_failed = 1, // it was asked for rightly and did not work out; one sentence on stderr
  exit_usage = 2,  // unknown command, flag or setting, or a wrong value; one sentence on stderr
};

} // namespace troupe
