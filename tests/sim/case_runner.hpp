#pragma once

#include "tests/sim/world_case.hpp"

namespace troupe::sim {

struct cases_run {
  int64_t cases = 0;
  double seconds = 0;
  world_counts sum;
};

/// Runs the seeds first_seed … first_seed + count - 1, on all cores, and reports failures to Catch2 with
/// their seeds. TROUPE_SIM_SEED=N runs that one alone, TROUPE_SIM_CASES=N another number of them.
cases_run run_cases(const std::shared_ptr<const language_model>& model, int64_t count,
                    uint64_t first_seed = 1, const case_bounds& bounds = {});

} // namespace troupe::sim
