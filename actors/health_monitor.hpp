#pragma once

#include "actors/interfaces.hpp"
#include "actors/node_health.hpp"
#include "observe/metrics.hpp"

#include <memory>

namespace troupe {

/// Probes the engine at a steady interval, through the actors that must make progress: the answer comes when
/// a step ended. An idle engine takes a canary step for it.
class health_monitor final : public health_monitor_actor::base {
public:
  /// clock and metrics must outlive the actor.
  health_monitor(caf::actor_config& config, engine_actor engine, std::shared_ptr<node_health> health,
                 milliseconds interval, const time_source& clock, metrics& metrics);

  behavior_type make_behavior() override;

private:
  void probe();

  engine_actor engine_;
  std::shared_ptr<node_health> health_;
  milliseconds interval_;
  const time_source& clock_;
  metrics& metrics_;
  bool was_ready_ = false;
};

} // namespace troupe
