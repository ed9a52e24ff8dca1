#pragma once

#include "actors/messages.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
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
  /// What such a step does. But for the first it needs a process of the engine's own, and throws in another.
  enum class effect { throws, ends_process, hangs };

  void add(uint64_t seed, effect what) {
    const std::scoped_lock lock(mutex_);
    if (seeds_.size() < seeds_max)
      seeds_.push_back({seed, what});
  }

  /// This process is the engine's own, and ends so.
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
      if (each.what == effect::ends_process && end_process_)
        end_process_();
      while (each.what == effect::hangs && end_process_)
        std::this_thread::sleep_for(std::chrono::hours(1));
      commit_fault({});
    }
  }

private:
  static constexpr size_t seeds_max = 16;

  struct poison {
    uint64_t seed;
    effect what;
  };

  mutable std::mutex mutex_;
  std::vector<poison> seeds_;
  std::function<void()> end_process_; // empty: it is somebody else's process
};

} // namespace troupe
