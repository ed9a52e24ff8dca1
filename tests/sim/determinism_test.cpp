#include "model/llama.hpp"
#include "tests/model/llama_fixture.hpp"
#include "tests/reference/tiny_model.hpp"
#include "tests/sim/case_runner.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::sim;

namespace {

std::shared_ptr<const language_model> default_model() {
  return *load_language_model(open_test_model(), {.isa = detect_instruction_set(), .positions_max = 512});
}

std::shared_ptr<const language_model> windowed_model() {
  const auto weights = reference::make_tiny_weights(12);
  return *llama::create(weights.parameters, weights.tensors,
                        {.isa = detect_instruction_set(), .window = {.positions = 24, .sinks = 4}}, {});
}

// A pass takes milliseconds: a few short requests, and still chunks, preemption and crashes.
constexpr case_bounds short_requests{.requests_max = 4, .prompt_max = 36, .answer_max = 6};

} // namespace

TEST_CASE("whatever happens around it, a request gets what it gets alone", "[determinism]") {
  const auto ran = run_cases(reference::make_tiny_model(11), 2000);
  if (ran.cases < 2000)
    return; // fewer were asked for, or some failed
  // What was drawn did happen.
  const auto& sum = ran.sum;
  for (auto count :
       {sum.completed, sum.stopped, sum.cancelled, sum.late, sum.resumed, sum.preempted, sum.restarts,
        sum.fatal_steps, sum.stale_tokens, sum.cached_tokens, sum.page_waits, sum.apart, sum.canaries})
    CHECK(count > 20);
}

TEST_CASE("the same where layers see a window and the first tokens", "[determinism]") {
  const auto ran =
      run_cases(windowed_model(), 300, 1, {.requests_max = 8, .prompt_max = 110, .answer_max = 24});
  CHECK(ran.sum.completed > 0);
}

TEST_CASE("a hundred times the same with the default model", "[determinism][default]") {
  CHECK(run_cases(default_model(), 100, 1, short_requests).sum.completed > 0);
}
