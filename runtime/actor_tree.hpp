#pragma once

#include "actors/node_health.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "net/actor_bridge.hpp"
#include "observe/metrics.hpp"
#include "runtime/loaded_model.hpp"

#include <memory>

namespace troupe {

/// The supervised actors of one node over a loaded model, without sockets.
class actor_tree {
public:
  /// metrics and clock must outlive the tree. Errors: no_room.
  static result<std::unique_ptr<actor_tree>> start(const settings& configuration, loaded_model model,
                                                   metrics& numbers, post_function post,
                                                   const time_source& clock);
  ~actor_tree();

  front_door& door();

  /// Refuses new requests and waits until the running ones ended, at most drain_ms. Idempotent.
  void drain(int64_t drain_ms);

private:
  class impl;
  explicit actor_tree(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
