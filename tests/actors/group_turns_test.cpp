#include "actors/group_turns.hpp"

#include "base/page_size.hpp"
#include "tests/actors/planner_world.hpp"

using namespace troupe;

namespace {

/// A sequence with a page and a token to compute.
planned_sequence ready_one(int32_t group) {
  planned_sequence out;
  out.dispatch.spec.prompt = {1, 2};
  out.dispatch.group = group;
  out.block_table = {0};
  return out;
}

dispatch_sequence suspect(sequence_id id, int32_t group, int32_t apart_tokens, int32_t max_tokens) {
  dispatch_sequence out;
  out.id = id;
  out.spec.prompt = {static_cast<token_id>(id), 2, 3};
  out.spec.max_tokens = max_tokens;
  out.group = group;
  out.apart_tokens = apart_tokens;
  return out;
}

} // namespace

TEST_CASE("every second step is everybody else's") {
  auto other = ready_one(0), a = ready_one(5), b = ready_one(6), c = ready_one(9);
  group_turns turns;
  std::vector<int32_t> order;
  for (int i = 0; i < 8; ++i) {
    std::vector<planned_sequence*> all{&c, &other, &a, &b};
    turns.keep_next(all);
    REQUIRE(all.size() == 1);
    order.push_back(all[0]->dispatch.group);
  }
  CHECK(order == std::vector<int32_t>{5, 0, 6, 0, 9, 0, 5, 0});
}

TEST_CASE("groups without anything to compute are passed over") {
  auto other = ready_one(0), a = ready_one(5);
  group_turns turns;
  const auto next = [&](std::vector<planned_sequence*> holders) {
    turns.keep_next(holders);
    return holders.empty() ? -1 : holders[0]->dispatch.group;
  };
  CHECK(next({}) == -1);
  CHECK(next({&a}) == 5);
  CHECK(next({&a}) == 5); // nobody else is there
  CHECK(next({&a, &other}) == 0);
  a.computed = 2;
  CHECK(next({&a, &other}) == 0);
  CHECK(next({&a, &other}) == 0);
  a.computed = 0;
  CHECK(next({&a, &other}) == 5);
}

TEST_CASE("groups never share a step until their tokens are there, and then they do") {
  std::mt19937 random(3);
  planner_world world({.max_batch_size = 8,
                       .max_batch_tokens = 64,
                       .step_time_max = milliseconds(200),
                       .batch_window = milliseconds(0),
                       .canary_page = 1000},
                      40);
  std::map<sequence_id, int32_t> groups{{1, 0}, {2, 3}, {3, 3}, {4, 4}};
  for (auto [id, group] : groups) {
    const auto added = suspect(id, group, group == 0 ? 0 : 3, 12);
    world.prompts[id] = added.spec.prompt;
    world.limits[id] = added.spec.max_tokens;
    world.act(world.planner.add(added, world.clock.now()));
  }
  size_t widest = 0;
  std::map<int32_t, int> steps_apart;
  bool more = true;
  while (more) {
    if (world.plan) {
      std::set<int32_t> together;
      for (const auto& row : world.plan->rows) {
        const auto answered = world.answers[row.id].size();
        together.insert(answered < 3 ? groups[row.id] : 0);
      }
      CHECK(together.size() == 1);
      if (*together.begin() != 0)
        ++steps_apart[*together.begin()];
      widest = std::max(widest, world.plan->rows.size());
    }
    more = world.turn(random);
  }
  // A step for each token that was known, and more where a prompt was cut into chunks.
  CHECK(steps_apart[3] >= 3);
  CHECK(steps_apart[4] >= 3);
  CHECK(widest == 4);
  for (auto [id, group] : groups)
    CHECK(world.answers[id] == world.expected(id));
}
