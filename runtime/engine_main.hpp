#pragma once

#include <functional>

namespace troupe {

/// How an engine's own process ends, from whoever owns it. Neither returns.
struct process_exits {
  std::function<void(int code)> leave; // at once
  std::function<void()> crash;         // as by a fault; for tests
};

/// All that an engine's own process does (`troupe engine`), in a process that a front has started with the
/// descriptors of engine_program. Ends by exits.leave(), also where the front is gone.
int run_engine_process(process_exits exits);

} // namespace troupe
