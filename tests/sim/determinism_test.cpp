#include "tests/reference/tiny_model.hpp"
#include "tests/sim/case_runner.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::sim;

TEST_CASE("whatever happens around it, a request gets what it gets alone", "[determinism]") {
  const auto ran = run_cases(reference::make_tiny_model(11), 2000);
  // What was drawn did happen.
  const auto& sum = ran.sum;
  CHECK(sum.restarts > 0);
}
