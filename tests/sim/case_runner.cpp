#include "tests/sim/case_runner.hpp"

#include "tests/sim/seed_runs.hpp"

#include <fmt/format.h>
#include <iostream>
#include <mutex>

namespace troupe::sim {

cases_run run_cases(const std::shared_ptr<const language_model>& model, int64_t count, uint64_t first_seed,
                    const case_bounds& bounds) {
  cases_run out;
  std::mutex mutex;
  const auto runs = run_seeds(first_seed, count, [&](uint64_t seed, bool) {
    const auto counted = run_case(model, seed, bounds);
    const std::scoped_lock lock(mutex);
    ++out.cases;
    out.sum += counted;
    return std::string();
  });
  out.seconds = runs.seconds;
  const auto& sum = out.sum;
  std::cout << fmt::format("{} cases, seeds {} to {}, in {:.1f} s: {} events, {} steps ({} of suspects), {} "
                           "requests, {} completed ({} by an "
                           "end token), {} cancelled, {} past their deadline, {} quarantined, {} readers "
                           "came back, {} preemptions, {} cached "
                           "tokens, {} waits for another's page, {} engine restarts, {} fatal steps, {} "
                           "stale tokens, {} canaries\n",
                           out.cases, runs.first, runs.last(), out.seconds, sum.events, sum.steps, sum.apart,
                           sum.accepted, sum.completed, sum.stopped, sum.cancelled, sum.late, sum.failed,
                           sum.resumed, sum.preempted, sum.cached_tokens, sum.page_waits, sum.restarts,
                           sum.fatal_steps, sum.stale_tokens, sum.canaries);
  return out;
}

} // namespace troupe::sim
