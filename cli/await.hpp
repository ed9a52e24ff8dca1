#pragma once

#include <cstdint>
#include <initializer_list>

namespace troupe {

/// Sleeps until one of the descriptors has something to read or was closed, and returns the first such one in
/// the order given; -1 after timeout_ms (negative: never). Descriptors below 0 are left out.
int await_readable(std::initializer_list<int> fds, int timeout_ms = -1);

} // namespace troupe
