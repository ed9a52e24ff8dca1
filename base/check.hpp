#pragma once

#include <stdexcept>
#include <string>

namespace troupe {

/// A broken invariant. It ends the actor in which it is thrown, and the supervisor restarts that actor; it
/// never ends the process, since the runtime may live inside somebody else's program.
class broken_invariant : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line, const std::string& message);

} // namespace troupe

/// Stays on in release builds.
#define TROUPE_CHECK(condition, message)                                                                     \
  do {                                                                                                       \
    if (!(condition)) [[unlikely]]                                                                           \
      ::troupe::check_failed(#condition, __FILE__, __LINE__, message);                                       \
  } while (false)
