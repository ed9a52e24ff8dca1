#include "planner_world.hpp"

using namespace troupe;

TEST_CASE("every sequence gets its own tokens, whatever the order of messages and however few the pages") {
  int preempted = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    // The longest sequence takes 300 + 40 tokens: 22 pages. So few make preemption likely.
    planner_world world(small_limits(), 22 + static_cast<int32_t>(random() % 20));
    sequence_id next = 1;
    while (next <= 12 || world.turn(random)) {
      if (next <= 12 && random() % 3 == 0)
        world.submit(next++, random_prompt(random, 300), 1 + static_cast<int32_t>(random() % 40));
      else if (next <= 12)
        world.turn(random);
    }
    for (sequence_id id = 1; id < next; ++id)
      REQUIRE(world.answers[id] == world.expected(id));
    CHECK(world.book.used_pages() == 0);
    CHECK(world.planner.running() == 0);
    CHECK(world.planner.waiting() == 0);
    preempted += world.preempted;
  }
  CHECK(preempted > 0);
}

TEST_CASE("cancelled sequences give their pages back at any moment") {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    planner_world world(small_limits(), 40);
    for (sequence_id id = 1; id <= 8; ++id)
      world.submit(id, random_prompt(random, 200), 30);
    for (int i = 0; i < 200; ++i) {
      world.turn(random);
      if (random() % 10 == 0)
        world.act(world.planner.cancel(1 + random() % 4, world.clock.now()));
    }
    for (sequence_id id = 1; id <= 4; ++id)
      world.act(world.planner.cancel(id, world.clock.now()));
    while (world.turn(random)) {
    }
    CHECK(world.book.used_pages() == 0);
    for (sequence_id id = 5; id <= 8; ++id)
      CHECK(world.answers[id] == world.expected(id));
  }
}

TEST_CASE("a recovered sequence goes on after its emitted tokens") {
  std::mt19937 random(7);
  planner_world world(small_limits(), 40);
  dispatch_sequence sequence;
  sequence.id = 1;
  sequence.spec.prompt = {1, 2, 3};
  sequence.spec.max_tokens = 10;
  sequence.emitted = {4, 5};
  world.act(world.planner.add(sequence, world.clock.now()));
  world.answer_pages();
  REQUIRE(world.plan);
  REQUIRE(world.plan->rows.size() == 1);
  CHECK(world.plan->rows[0].tokens == std::vector<token_id>{1, 2, 3, 4, 5});
  CHECK(world.plan->rows[0].sample);
}

TEST_CASE("an idle engine answers a probe with a canary step, a busy one with a real step") {
  std::mt19937 random(1);
  planner_world world(small_limits(), 40);
  world.act(world.planner.probe(world.clock.now()));
  REQUIRE(world.plan);
  CHECK(world.plan->rows.at(0).id == 0);
  CHECK(world.plan->rows.at(0).block_table == std::vector<page_id>{1000});
  world.run_step();
  CHECK(world.reports == 1);
  CHECK(world.canaries == 1);
  world.submit(1, {1, 2}, 3);
  world.act(world.planner.probe(world.clock.now()));
  while (world.turn(random)) {
  }
  CHECK(world.reports == 2);
  CHECK(world.canaries == 1);
}

TEST_CASE("decode comes before prefill and long prompts are cut to the token budget") {
  planner_world world(small_limits(), 100);
  world.submit(1, {1, 2, 3}, 30);
  world.answer_pages();
  world.run_step();
  world.submit(2, std::vector<token_id>(300, 5), 3);
  world.acks.clear();
  world.act(world.planner.acknowledge(1, world.clock.now()));
  if (world.plan)
    world.run_step();
  world.answer_pages();
  while (!world.plan || world.plan->rows.size() < 2) {
    if (world.pages)
      world.answer_pages();
    world.acks.clear();
    world.act(world.planner.acknowledge(1000, world.clock.now()));
    if (world.plan && world.plan->rows.size() < 2)
      world.run_step();
  }
  CHECK(world.plan->rows[0].id == 1);
  CHECK(world.plan->rows[0].tokens.size() == 1);
  CHECK(world.plan->rows[1].tokens.size() == 63);
}

TEST_CASE("without acknowledgements at most two steps with tokens run") {
  planner_world world(small_limits(), 100);
  world.submit(1, {1, 2, 3}, 30);
  for (int i = 0; i < 10; ++i) {
    if (world.pages)
      world.answer_pages();
    if (world.plan)
      world.run_step();
  }
  CHECK(world.answers[1].size() == 2);
}

TEST_CASE("on a slow machine every running stream gets a token in every step") {
  planner_limits limits = small_limits();
  limits.max_batch_size = 32;
  limits.max_batch_tokens = 512;
  batch_planner planner(limits);
  manual_clock clock;
  std::map<sequence_id, int> tokens;
  std::optional<step_plan> plan;
  std::optional<page_request> pages;
  const auto note = [&](batch_planner::effects effects) {
    if (effects.plan)
      plan = std::move(effects.plan);
    if (effects.pages)
      pages = std::move(effects.pages);
  };
  for (sequence_id id = 1; id <= 32; ++id) {
    dispatch_sequence sequence;
    sequence.id = id;
    sequence.spec.prompt = {1, 2, 3};
    sequence.spec.max_tokens = 10'000;
    note(planner.add(std::move(sequence), clock.now()));
  }
  page_id next_page = 0;
  for (int i = 0; i < 300; ++i) {
    if (pages) {
      page_grants answer;
      const auto asked = *std::exchange(pages, std::nullopt);
      for (const auto& need : asked.needs)
        answer.grants.push_back({need.id, true, {next_page++}});
      note(planner.grants(std::move(answer), clock.now()));
    }
    if (!plan) {
      clock.advance(milliseconds(50)); // the batching window
      note(planner.wake(clock.now()));
      continue;
    }
    const auto step = *std::exchange(plan, std::nullopt);
    step_result result;
    result.step = step.step;
    for (const auto& row : step.rows) {
      result.computed_tokens += static_cast<int32_t>(row.tokens.size());
      if (row.sample)
        result.tokens.push_back({row.id, tokens[row.id]++, 7, finish_reason::none});
    }
    result.step_us = 31'000 * result.computed_tokens; // 32 tokens a second
    note(planner.acknowledge(step.step, clock.now()));
    note(planner.step_done(result, clock.now()));
  }
  const auto [least, most] =
      std::minmax_element(tokens.begin(), tokens.end(), [](auto& a, auto& b) { return a.second < b.second; });
  CHECK(tokens.size() == 32);
  CHECK(least->second > 100);
  CHECK(most->second - least->second <= 8); // prompts enter a few a step
}

TEST_CASE("the first chunk is small until the machine's speed is known") {
  planner_limits limits = small_limits();
  limits.max_batch_tokens = 8192;
  planner_world world(limits, 1000);
  world.submit(1, std::vector<token_id>(5000, 3), 2);
  world.answer_pages();
  REQUIRE(world.plan);
  CHECK(world.plan->rows.at(0).tokens.size() == 64);
}
