#pragma once

namespace troupe {

/// All that an engine's own process does: `troupe engine`, which a front starts with the descriptors of
/// engine_program. Returns the exit code, or ends the process at once where the front is gone: the one place
/// in which something of ours does that.
int run_engine_process();

} // namespace troupe
