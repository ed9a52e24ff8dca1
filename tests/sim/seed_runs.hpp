#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace troupe::sim {

/// The number that an environment variable holds.
std::optional<int64_t> number_from(const char* variable);

struct seed_runs {
  uint64_t first = 0;
  int64_t cases = 0;
  bool alone = false; // TROUPE_SIM_SEED named the one to run
  double seconds = 0;

  uint64_t last() const { return first + static_cast<uint64_t>(cases) - 1; }
};

/// What was wrong with a seed; empty: nothing. Called on several threads. An exception is a failure too.
using run_seed = std::function<std::string(uint64_t seed, bool alone)>;

/// Runs the seeds first … first + count - 1, on all cores, and reports failures to Catch2, the first five.
/// TROUPE_SIM_SEED=N runs that one alone, TROUPE_SIM_CASES=N another number of them.
seed_runs run_seeds(uint64_t first, int64_t count, const run_seed& run);

} // namespace troupe::sim
