#include "actors/executor.hpp"

#include "actors/faults.hpp"

namespace troupe {

executor::executor(caf::actor_config& config, std::shared_ptr<step_runner> runner, ledger_actor ledger,
                   metrics& metrics)
    : executor_actor::base(config), runner_(std::move(runner)), ledger_(std::move(ledger)), metrics_(metrics) {}

executor::behavior_type executor::make_behavior() {
  return {
      [this](const step_plan& plan) {
        auto result = runner_->run(plan);
        metrics_.observe_step(plan.rows.size(), result.computed_tokens, result.step_us, result.idle_us);
        if (!result.tokens.empty())
          send(ledger_, result);
        return result;
      },
      [](const inject_fault& fault) { commit_fault(fault); },
  };
}

} // namespace troupe
