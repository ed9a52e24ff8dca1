#include "actors/executor.hpp"

#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"

#include <caf/typed_response_promise.hpp>

namespace troupe {

executor::executor(caf::actor_config& config, std::shared_ptr<step_runner> runner, report_actor reports,
                   metrics& metrics)
    : executor_actor::base(config), runner_(std::move(runner)), reports_(std::move(reports)),
      metrics_(metrics) {}

executor::behavior_type executor::make_behavior() {
  keep_quiet(*this);
  return {
      [this](const step_plan& plan) {
        // The batcher first: the next step waits for it. Counting comes last.
        auto promise = make_response_promise<step_result>();
        const auto result = runner_->run(plan);
        promise.deliver(result);
        if (!result.tokens.empty())
          send(reports_, result);
        observe(plan, result);
        return promise;
      },
      [](const inject_fault& fault) { commit_fault(fault); },
  };
}

void executor::observe(const step_plan& plan, const step_result& result) {
  if (log_enabled(log_level::debug))
    log_event(log_level::debug, "step_ended",
              {{"step", result.step},
               {"sequences", plan.rows.size()},
               {"tokens", result.computed_tokens},
               {"step_us", result.step_us},
               {"gap_us", plan.continues ? result.idle_us : 0}});
  metrics_.batch_size.Observe(static_cast<double>(plan.rows.size()));
  metrics_.iteration_tokens_total.Observe(result.computed_tokens);
  metrics_.step_seconds.Observe(static_cast<double>(result.step_us) * 1e-6);
  if (plan.continues)
    metrics_.step_overhead_seconds.Observe(static_cast<double>(result.idle_us) * 1e-6);
}

} // namespace troupe
