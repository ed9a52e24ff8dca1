#include "tests/reference/tiny_model.hpp"
#include "tests/sim/engine_world.hpp"
#include "tests/sim/world_failure.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace troupe;
using namespace troupe::sim;

namespace {

constexpr int count = 32;

world_options roomy() {
  world_options out;
  out.planner.max_batch_size = count;
  out.planner.max_batch_tokens = 256;
  out.page_count = count * 8;
  return out;
}

open_entry request(int number, uint64_t seed) {
  open_entry out;
  out.response_id = "r" + std::to_string(number);
  for (int i = 0; i < 20; ++i)
    out.spec.prompt.push_back((7 * number + 3 * i) % 320);
  out.spec.sampling.seed = seed;
  out.spec.max_tokens = 40;
  out.timeout_ms = 100'000'000;
  return out;
}

/// 32 requests, of which those in `poison` crash every step from this token of their answer on.
world_counts run_poisoned(const std::set<int>& poison, int32_t from_token, world_options options,
                          uint64_t seed) {
  static const auto model = reference::make_tiny_model(11);
  engine_world world(model, std::move(options), seed);
  for (int number = 1; number <= count; ++number) {
    auto wanted = request(number, seed);
    auto alone = run_alone(*model, wanted);
    if (poison.contains(number))
      world.add_poison(wanted.response_id, static_cast<int32_t>(wanted.spec.prompt.size()) + from_token - 1);
    world.add(std::move(wanted), std::move(alone));
  }
  try {
    world.run();
  } catch (const world_failure& failure) {
    FAIL(failure.what() << "\nseed " << seed << "\n" << world.trace());
  }
  for (const auto& client : world.clients()) {
    const auto number = std::stoi(client.id().substr(1));
    CAPTURE(number);
    REQUIRE(client.terminal() != nullptr);
    if (poison.contains(number))
      CHECK(client.terminal()->error == request_error::request_quarantined);
    else
      CHECK(client.terminal()->kind != event_kind::failed);
  }
  return world.counted();
}

} // namespace

TEST_CASE("one poison among 32: the 31 get what they get alone, whenever it strikes") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const auto ran = run_poisoned({1 + static_cast<int>(seed * 11 % count)}, static_cast<int32_t>(seed * 3),
                                  roomy(), seed);
    CHECK(ran.failed == 1);
    CHECK(ran.fatal_steps >= 2);
    CHECK(ran.fatal_steps <= 7);
  }
}

TEST_CASE("two poisons at once are both found, and nobody else pays") {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const auto ran = run_poisoned({5, 20 + static_cast<int>(seed)}, 4, roomy(), seed);
    CHECK(ran.failed == 2);
    CHECK(ran.fatal_steps <= 14);
  }
}

TEST_CASE("a poison that strikes while pages are short and messages are slow") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    auto options = roomy();
    options.planner.max_batch_size = 12;
    options.page_count = 20;
    options.edges.to_ledger = 0.05;
    options.edges.to_engine = seed % 2 == 0 ? 0.1 : 1.0;
    const auto ran = run_poisoned({9}, static_cast<int32_t>(seed), std::move(options), seed);
    CHECK(ran.failed == 1);
    CHECK(ran.preempted > 0);
  }
}
