#pragma once

#include "actors/interfaces.hpp"
#include "actors/step_runner.hpp"
#include "observe/metrics.hpp"

namespace troupe {

/// Runs the steps of one device. Spawned detached: a step blocks its thread.
class executor final : public executor_actor::base {
public:
  /// metrics must outlive the actor.
  executor(caf::actor_config& config, std::shared_ptr<step_runner> runner, report_actor reports,
           metrics& metrics);

  behavior_type make_behavior() override;

private:
  void observe(const step_plan& plan, const step_result& result);

  std::shared_ptr<step_runner> runner_;
  report_actor reports_;
  metrics& metrics_;
};

} // namespace troupe
