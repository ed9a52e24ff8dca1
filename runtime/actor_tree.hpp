#pragma once

#include "actors/node_health.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "net/actor_bridge.hpp"
#include "observe/metrics.hpp"
#include "runtime/loaded_model.hpp"

#include <memory>

namespace caf {
class actor_system;
}

namespace troupe {

/// The supervised actors of one model, without sockets, in an actor system that has other tenants: a host's
/// actors, or the tree of another model.
class actor_tree {
public:
  /// system (scheduler.policy = sharing, see runtime_config), numbers and clock must outlive the tree; `kept`
  /// even its last actor, should one be stuck when the tree ends: for the owner of numbers and clock.
  /// Errors: no_room.
  static result<std::unique_ptr<actor_tree>> start(caf::actor_system& system, const settings& configuration,
                                                   loaded_model model, metrics& numbers, post_function post,
                                                   const time_source& clock,
                                                   std::shared_ptr<const void> kept = {});

  /// stop(30 s), if that has not happened.
  ~actor_tree();

  /// Ends the tree's actors and waits for them, at most `limit`. False: one is still there, in a step that
  /// does not come back; what it may touch lives on. Not on a thread of the actor system: its actors need
  /// them to end. Afterwards only the destructor may be called.
  bool stop(milliseconds limit);

  front_door& door();

  /// What the door itself talks to, for actors that do without it.
  front_actor handle() const;

  /// Refuses new requests.
  void close_door();

  /// Answers in progress, those on their way in included.
  size_t open_streams() const;

  /// close_door(), and waits until the running answers ended, at most drain_ms. Idempotent.
  void drain(int64_t drain_ms);

private:
  class impl;
  explicit actor_tree(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
