#pragma once

#include "actors/messages.hpp"

#include <functional>
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
  /// deadly: such a step takes its process along, where that is an engine's own.
  void add(uint64_t seed, bool deadly) {
    const std::scoped_lock lock(mutex_);
    if (seeds_.size() < seeds_max)
      seeds_.push_back({seed, deadly});
  }

  /// How an engine's own process ends. Empty: this is somebody else's, and deadly seeds only throw.
  void set_end_process(std::function<void()> end_process) {
    const std::scoped_lock lock(mutex_);
    end_process_ = std::move(end_process);
  }

  /// Called by a step that computes a request with this seed.
  void strike(uint64_t seed) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& each : seeds_) {
      if (each.seed != seed)
        continue;
      if (each.deadly && end_process_)
        end_process_();
      commit_fault({});
    }
  }

private:
  static constexpr size_t seeds_max = 16;

  struct poison {
    uint64_t seed;
    bool deadly;
  };

  mutable std::mutex mutex_;
  std::vector<poison> seeds_;
  std::function<void()> end_process_;
};

} // namespace troupe
