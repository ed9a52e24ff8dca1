#pragma once

#include <stdexcept>
#include <string>

namespace troupe::sim {

/// A broken invariant of a simulated world. A case runs on a thread of its own, where Catch2 must not be
/// called.
class world_failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

inline void require(bool condition, const std::string& sentence) {
  if (!condition)
    throw world_failure(sentence);
}

} // namespace troupe::sim
