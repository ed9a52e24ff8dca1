#include "planner_world.hpp"

using namespace troupe;

namespace {

std::vector<token_id> tokens_of(int32_t count, token_id first = 1) {
  std::vector<token_id> out;
  for (int32_t i = 0; i < count; ++i)
    out.push_back(first + i);
  return out;
}

} // namespace

TEST_CASE("of a known prefix only the rest is computed, at every page border") {
  for (int32_t shared : {15, 16, 17, 31, 32, 33, 999, 1000, 1001, 1007, 1008, 1009})
    for (int32_t rest : {0, 1, 2, 15, 16, 17}) {
      CAPTURE(shared, rest);
      planner_world world(small_limits(), 300);
      world.submit(1, tokens_of(shared), 2);
      world.finish();
      auto longer = tokens_of(shared);
      const auto more = tokens_of(rest, 5000);
      longer.insert(longer.end(), more.begin(), more.end());
      world.submit(2, longer, 2);
      world.finish();
      // Two answer tokens, the last of which is never computed. A whole prompt is never taken from the cache.
      const auto known = shared / page_tokens * page_tokens;
      const auto cached = std::min(known, (shared + rest - 1) / page_tokens * page_tokens);
      CHECK(world.first_cached[2] == cached);
      CHECK(world.computed[2] == shared + rest + 1 - cached);
      CHECK(world.answers[2] == world.expected(2));
      CHECK(world.book.used_pages() == 0);
    }
}

TEST_CASE("a follow-up turn finds the answer's pages too") {
  planner_world world(small_limits(), 100);
  world.submit(1, tokens_of(20), 40);
  world.finish();
  auto next = tokens_of(20);
  next.insert(next.end(), world.answers[1].begin(), world.answers[1].end());
  next.push_back(7);
  world.submit(2, next, 3);
  world.finish();
  CHECK(world.first_cached[2] == 48); // of 59 that were computed
  CHECK(world.answers[2] == world.expected(2));
}

TEST_CASE("two tenants and two salts share nothing") {
  planner_world world(small_limits(), 100);
  world.submit(1, tokens_of(100), 2, "a");
  world.finish();
  world.submit(2, tokens_of(100), 2, "b");
  world.finish();
  CHECK(world.first_cached[2] == 0);
  world.submit(3, tokens_of(100), 2, "b");
  world.finish();
  CHECK(world.first_cached[3] == 96);
  dispatch_sequence salted;
  salted.id = 4;
  salted.spec = {.prompt = tokens_of(100),
                 .sampling = {},
                 .max_tokens = 2,
                 .end_tokens = {},
                 .tenant = "b",
                 .cache_salt = "x"};
  world.limits[4] = 2;
  world.prompts[4] = tokens_of(100);
  world.act(world.planner.add(std::move(salted), world.clock.now()));
  world.finish();
  CHECK(world.first_cached[4] == 0);
}

TEST_CASE("with the cache off nothing is shared and nothing is kept") {
  auto limits = small_limits();
  limits.prefix_cache = false;
  planner_world world(limits, 100);
  for (sequence_id id = 1; id <= 3; ++id)
    world.submit(id, tokens_of(100), 20);
  world.finish();
  for (sequence_id id = 1; id <= 3; ++id) {
    CHECK(world.first_cached[id] == 0);
    CHECK(world.answers[id] == world.expected(id));
  }
  CHECK(world.waits == 0);
  CHECK(world.book.free_pages() == 100);
}

TEST_CASE("what one sequence is computing, others with the same beginning wait for") {
  planner_world world(small_limits(), 300);
  for (sequence_id id = 1; id <= 4; ++id) {
    auto prompt = tokens_of(640);
    prompt.push_back(1000 + static_cast<token_id>(id));
    world.submit(id, prompt, 20);
  }
  world.finish();
  int32_t computed = 0;
  for (sequence_id id = 1; id <= 4; ++id) {
    CHECK(world.answers[id] == world.expected(id));
    computed += world.computed[id];
  }
  CHECK(world.waits > 0);
  CHECK(computed == 640 + 4 * (1 + 19)); // the beginning once
}

TEST_CASE("who waited for another's pages goes on when that one is cancelled") {
  for (int turns = 0; turns < 40; ++turns) {
    CAPTURE(turns);
    std::mt19937 random(static_cast<uint32_t>(turns));
    planner_world world(small_limits(), 300);
    for (sequence_id id = 1; id <= 4; ++id)
      world.submit(id, tokens_of(640), 5);
    for (int i = 0; i < turns; ++i)
      world.turn(random);
    world.act(world.planner.cancel(1, world.clock.now()));
    world.finish();
    for (sequence_id id = 2; id <= 4; ++id)
      CHECK(world.answers[id] == world.expected(id));
    CHECK(world.book.used_pages() == 0);
  }
}

TEST_CASE("a wait for another's pages ends, even if that one does not move") {
  page_book book(100);
  planner_limits limits = small_limits();
  batch_planner planner(limits);
  manual_clock clock;
  // Another sequence, of which this planner knows nothing, is going to compute the pages and never does.
  const auto prompt = tokens_of(100);
  const auto chain = std::make_shared<const page_chain>(page_chain::of(root_key(0, "", ""), prompt));
  page_request first;
  first.needs.push_back({.id = 99, .tokens = 100, .prefix = chain});
  REQUIRE(book.answer(first).grants.at(0).granted);
  std::optional<step_plan> plan;
  std::optional<page_request> pages;
  const auto note = [&](batch_planner::effects effects) {
    if (effects.plan)
      plan = std::move(effects.plan);
    if (effects.pages)
      pages = std::move(effects.pages);
  };
  const auto submit = [&](sequence_id id, std::vector<token_id> tokens, int32_t max_tokens) {
    dispatch_sequence sequence;
    sequence.id = id;
    sequence.spec.prompt = std::move(tokens);
    sequence.spec.max_tokens = max_tokens;
    note(planner.add(std::move(sequence), clock.now()));
  };
  submit(100, {5, 6, 7}, 1000); // keeps the engine busy
  submit(101, prompt, 1);
  int steps = 0, waits = 0;
  bool done = false;
  for (; steps < 60 && !done; clock.advance(milliseconds(60))) {
    if (pages) {
      auto answer = book.answer(*std::exchange(pages, std::nullopt));
      for (const auto& grant : answer.grants)
        waits += grant.awaits ? 1 : 0;
      note(planner.grants(std::move(answer), clock.now()));
    }
    if (!plan) {
      note(planner.wake(clock.now()));
      continue;
    }
    const auto step = *std::exchange(plan, std::nullopt);
    ++steps;
    step_result result;
    result.step = step.step;
    result.step_us = 1000;
    for (const auto& row : step.rows) {
      done = done || row.id == 101;
      if (row.sample)
        result.tokens.push_back({.id = row.id, .position = 0, .token = 1, .finish = finish_reason::none});
    }
    note(planner.acknowledge(step.step, clock.now()));
    note(planner.step_done(result, clock.now()));
  }
  CHECK(done);
  CHECK(waits > 0);
  CHECK(steps < 40);
}

TEST_CASE("nothing of a step whose numbers failed can be found") {
  planner_world world(small_limits(), 100);
  world.submit(1, tokens_of(40), 5);
  world.answer_pages();
  REQUIRE(world.plan);
  step_result result;
  result.step = world.plan->step;
  result.tokens.push_back({.id = 1, .position = 0, .token = 0, .finish = finish_reason::error});
  world.plan.reset();
  world.act(world.planner.step_done(result, world.clock.now()));
  world.answer_pages();
  CHECK(world.book.idle_pages() == 0);
  CHECK(world.book.free_pages() == 100);
}

TEST_CASE("answers are right whatever is shared, cancelled, preempted and evicted") {
  int preempted = 0, waits = 0;
  int64_t hits = 0, evictions = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    planner_world world(small_limits(), 24 + static_cast<int32_t>(random() % 30));
    std::set<sequence_id> cancelled;
    sequence_id next = 1;
    while (next <= 14 || world.turn(random)) {
      if (next <= 14 && random() % 3 == 0) {
        auto prompt = tokens_of(static_cast<int32_t>(random() % 250));
        const auto tail = random_prompt(random, 50);
        prompt.insert(prompt.end(), tail.begin(), tail.end());
        world.submit(next++, prompt, 1 + static_cast<int32_t>(random() % 40), random() % 4 == 0 ? "b" : "a",
                     static_cast<int32_t>(random() % 3));
      } else if (next <= 14) {
        world.turn(random);
      }
      if (next > 1 && random() % 40 == 0) {
        const auto id = 1 + random() % (next - 1);
        cancelled.insert(id);
        world.act(world.planner.cancel(id, world.clock.now()));
      }
    }
    for (sequence_id id = 1; id < next; ++id)
      if (!cancelled.contains(id))
        REQUIRE(world.answers[id] == world.expected(id));
    CHECK(world.book.used_pages() == 0);
    CHECK(world.planner.waiting() + world.planner.running() == 0);
    preempted += world.preempted;
    waits += world.waits;
    hits += world.book.counts().hit_tokens;
    evictions += world.book.counts().evicted_pages;
  }
  CHECK(preempted > 0);
  CHECK(waits > 0);
  CHECK(hits > 0);
  CHECK(evictions > 0);
}
