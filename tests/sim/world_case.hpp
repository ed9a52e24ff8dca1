#pragma once

#include "tests/sim/engine_world.hpp"

#include <functional>
#include <memory>

namespace troupe::sim {

/// What random cases are drawn for.
struct case_bounds {
  int32_t requests_max = 10;
  int32_t prompt_max = 70; // tokens
  int32_t answer_max = 24;
};

/// Draws requests, their arrivals, sampling, cancellations, deadlines, the engine's limits, pages that do not
/// suffice for all, crashes and the speed of every edge from a seed, and runs that world against the lone
/// runs. change: the last word on the options, for mutations. Throws world_failure, whose sentence has the
/// seed and what happened last.
world_counts run_case(const std::shared_ptr<const language_model>& model, uint64_t seed,
                      const case_bounds& bounds = {}, const std::function<void(world_options&)>& change = {});

} // namespace troupe::sim
