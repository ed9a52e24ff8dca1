#pragma once

#include "base/clock.hpp"

#include <caf/actor.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace troupe {

/// Counts the living actors of one tree, so that whoever ends it can wait for exactly these: a host's actor
/// system has others, which go on. Thread-safe.
class actor_census : public std::enable_shared_from_this<actor_census> {
public:
  /// Counts this actor until it has ended (and its on_exit() is done).
  void watch(const caf::actor& started);

  /// Lives until the last counted actor has ended: for what actors hold by reference, in case a wait for them
  /// is given up. It may hold handles of these actors.
  void keep(std::shared_ptr<const void> needed);

  /// Waits until none lives, at most `limit`. False: some do.
  bool wait(milliseconds limit) const;

  size_t living() const;

private:
  void leave();

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  size_t living_ = 0;
  bool over_ = false; // the last has ended: a tree's root ends last, and nobody comes after it
  std::vector<std::shared_ptr<const void>> kept_;
};

} // namespace troupe
