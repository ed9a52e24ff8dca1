#pragma once

#include "cli/console.hpp"
#include "cli/signal_watch.hpp"

#include <functional>

namespace troupe {

/// Runs work on a thread of its own, since it cannot be interrupted, and watches for signals meanwhile.
/// Throws what it threw. A new signal (no echo) ends the process at once with exit code 128 + signal, saying
/// `interrupted`: what the work still uses must not be destroyed under it.
void run_watched(signal_watch&, console&, const std::function<void()>& work, const char* interrupted);

} // namespace troupe
