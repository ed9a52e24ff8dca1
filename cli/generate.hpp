#pragma once

#include "actors/messages.hpp"
#include "cli/console.hpp"
#include "net/front_door.hpp"

namespace troupe {

/// Writes one answer to out as it comes, and a line end after it; what went wrong to err. Returns the exit
/// code.
int write_answer(front_door&, generation_request, console&);

} // namespace troupe
