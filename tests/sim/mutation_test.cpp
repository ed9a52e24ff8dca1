#include "base/page_size.hpp"
#include "tests/reference/tiny_model.hpp"
#include "tests/sim/hooked_model.hpp"
#include "tests/sim/world_case.hpp"
#include "tests/sim/world_failure.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace troupe;
using namespace troupe::sim;

namespace {

constexpr uint64_t seeds_max = 100;

/// What the first case that notices says; empty: none does.
std::string noticed(const std::shared_ptr<const language_model>& model,
                    const std::function<void(world_options&)>& mutate) {
  for (uint64_t seed = 1; seed <= seeds_max; ++seed) {
    try {
      run_case(model, seed, {}, mutate);
    } catch (const world_failure& failure) {
      return failure.what();
    }
  }
  return {};
}

/// Bits that depend on the company in a step.
std::shared_ptr<const language_model> unsteady_model(std::shared_ptr<const language_model> inner) {
  auto out = std::make_shared<hooked_model>(std::move(inner));
  out->after = [](std::span<const sequence_slice> slices, std::span<float> logits) {
    if (slices.size() > 2 && !logits.empty())
      logits.back() = std::nextafter(logits.back(), 1e9f);
  };
  return out;
}

} // namespace

TEST_CASE("the simulator notices what it is there for", "[mutation]") {
  const auto model = reference::make_tiny_model(11);
  CHECK(noticed(model, {}).empty());

  SECTION("a request that is dispatched again starts with a token too many") {
    CHECK_FALSE(noticed(model, [](world_options& options) {
                  options.change_dispatch = [](dispatch_sequence& sequence) {
                    if (!sequence.emitted.empty())
                      sequence.emitted.push_back(sequence.emitted.back());
                  };
                }).empty());
  }
  SECTION("a request that is dispatched again draws with another seed") {
    CHECK_FALSE(noticed(model, [](world_options& options) {
                  options.change_dispatch = [](dispatch_sequence& sequence) {
                    sequence.spec.sampling.seed += sequence.epoch - 1;
                  };
                }).empty());
  }
  SECTION("a row lies one position too far on") {
    const auto sentence = noticed(model, [](world_options& options) {
      options.change_plan = [](step_plan& plan) {
        auto& row = plan.rows.front();
        if (plan.step == 7 && row.position % page_tokens != 0 && row.tokens.size() > 1)
          row.tokens.pop_back(), ++row.position;
      };
    });
    CHECK(sentence.find("position") != std::string::npos);
  }
  SECTION("a row reads another page") {
    const auto sentence = noticed(model, [](world_options& options) {
      options.change_plan = [](step_plan& plan) {
        auto& table = plan.rows.back().block_table;
        if (table.size() > 2)
          std::swap(table[0], table[1]);
      };
    });
    CHECK(sentence.find("is not in its page") != std::string::npos);
  }
  SECTION("a result is lost") {
    CHECK_FALSE(noticed(model, [](world_options& options) {
                  options.events_max = 20'000;
                  options.change_result = [](step_result& result) {
                    if (result.step == 5)
                      result.tokens.pop_back();
                  };
                }).empty());
  }
  SECTION("the last bit of one logit depends on who shares the step") {
    const auto sentence = noticed(unsteady_model(model), {});
    CHECK(sentence.find("other logits than alone") != std::string::npos);
  }
}

TEST_CASE("the same seed gives the same world", "[mutation]") {
  const auto model = reference::make_tiny_model(11);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const auto first = run_case(model, seed), second = run_case(model, seed);
    CHECK(first.events == second.events);
    CHECK(first.steps == second.steps);
  }
}
