#pragma once

#include <caf/scheduled_actor.hpp>

namespace troupe {

/// Replaces the handlers of CAF that print, on standard output, which belongs to the program around us: what
/// an actor throws is logged and ends it; messages that nobody takes are dropped. Each actor's
/// make_behavior() begins with it, before handlers of its own.
void keep_quiet(caf::scheduled_actor& self);

} // namespace troupe
