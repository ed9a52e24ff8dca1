#pragma once

#include <algorithm>
#include <thread>

namespace troupe {

/// Threads that read a file's weights: a file in memory gives no more to many than to a few.
inline int load_threads() {
  constexpr unsigned enough = 16;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, enough));
}

} // namespace troupe
