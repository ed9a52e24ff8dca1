#pragma once

#include "actors/batch_planner.hpp"
#include "actors/interfaces.hpp"
#include "observe/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <vector>

namespace troupe {

struct batcher_options {
  planner_limits limits;
  milliseconds step_deadline{30'000}; // a step or a page request that takes longer ends the batcher
};

/// Forms an engine's steps: a shell over batch_planner.
class batcher final : public batcher_actor::base {
public:
  /// clock and metrics must outlive the actor.
  batcher(caf::actor_config& config, batcher_options options, executor_actor executor,
          page_manager_actor pages, const time_source& clock, metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void act(batch_planner::effects effects);
  void run_step(step_plan plan);
  void ask_for_pages(page_request request);
  void give_up(caf::error why);
  void set_timer(steady_time at);

  batcher_options options_;
  executor_actor executor_;
  page_manager_actor pages_;
  const time_source& clock_;
  metrics& metrics_;
  batch_planner planner_;
  uint64_t timer_generation_ = 0;
  std::vector<caf::typed_response_promise<health_report>> probes_; // the monitor's: the last ones
};

} // namespace troupe
