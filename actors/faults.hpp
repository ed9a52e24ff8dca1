#pragma once

#include "actors/messages.hpp"

#include <stdexcept>

namespace troupe {

/// What an actor does with an injected `throw_error`. (`kill` is an exit message from the supervisor.)
inline void commit_fault(const inject_fault&) {
  throw std::runtime_error("injected fault");
}

} // namespace troupe
