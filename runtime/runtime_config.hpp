#pragma once

#include <caf/actor_system_config.hpp>

#include <cstdint>

namespace troupe {

/// What an actor system needs in which a node runs: `scheduler.policy = sharing`. Under CAF's default,
/// `stealing`, idle workers poll, and a message after a pause waits up to 100 µs. A host derives its own
/// configuration from this class, or calls share_scheduler() on one that it has.
class runtime_config : public caf::actor_system_config {
public:
  /// Threads for actors that are not detached: settings.actor_threads, plus what the host's own actors need.
  explicit runtime_config(int64_t actor_threads);
};

void share_scheduler(caf::actor_system_config& config, int64_t actor_threads);

/// Whether a system runs with the policy that a node needs.
bool shares_scheduler(const caf::actor_system_config& config);

} // namespace troupe
