#include "tests/reference/tiny_model.hpp"
#include "tests/sim/case_runner.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::sim;

TEST_CASE("whatever happens around it, a request gets what it gets alone", "[determinism]") {
  const auto ran = run_cases(reference::make_tiny_model(11), 2000);
  if (ran.cases < 2000)
    return; // fewer were asked for, or some failed
  // What was drawn did happen.
  const auto& sum = ran.sum;
  for (auto count : {sum.completed, sum.stopped, sum.cancelled, sum.late, sum.resumed, sum.preempted,
                     sum.restarts, sum.fatal_steps, sum.stale_tokens, sum.canaries})
    CHECK(count > 20);
}
