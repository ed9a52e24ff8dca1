#pragma once

#include "actors/messages.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace troupe {

/// What an actor does with an injected `throw_error`. (`kill` is an exit message from the supervisor.)
inline void commit_fault(const inject_fault&) {
  throw std::runtime_error("injected fault");
}

/// Seeds of requests whose steps crash, for tests. Written by the engine's supervisor, read by the executor;
/// outlives the engine's actors.
class poisoned_seeds {
public:
  void add(uint64_t seed) {
    const std::scoped_lock lock(mutex_);
    if (seeds_.size() < seeds_max)
      seeds_.push_back(seed);
  }

  bool contains(uint64_t seed) const {
    const std::scoped_lock lock(mutex_);
    return std::find(seeds_.begin(), seeds_.end(), seed) != seeds_.end();
  }

private:
  static constexpr size_t seeds_max = 16;

  mutable std::mutex mutex_;
  std::vector<uint64_t> seeds_;
};

} // namespace troupe
