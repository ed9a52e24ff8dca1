#include "actors/batch_planner.hpp"
#include "memory/block_tables.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

using namespace troupe;

namespace {

/// Executor, page manager and ledger in virtual time: token n of a sequence is a function of all before it,
/// so a wrong position, a lost or a repeated token shows in the answer.
class planner_world {
public:
  planner_world(planner_limits with, int32_t page_count) : planner(with), pool(page_count), tables(pool) {}

  static token_id next_token(const std::vector<token_id>& known) {
    uint32_t hash = 2166136261u;
    for (auto token : known)
      hash = (hash ^ static_cast<uint32_t>(token)) * 16777619u;
    return static_cast<token_id>(hash % 1000);
  }

  void submit(sequence_id id, std::vector<token_id> prompt, int32_t max_tokens) {
    dispatch_sequence sequence;
    sequence.id = id;
    sequence.spec.prompt = prompt;
    sequence.spec.max_tokens = max_tokens;
    prompts[id] = std::move(prompt);
    limits[id] = max_tokens;
    act(planner.add(std::move(sequence), clock.now()));
  }

  void act(batch_planner::effects effects) {
    preempted += effects.preempted;
    if (effects.health)
      ++reports;
    if (effects.plan) {
      REQUIRE_FALSE(plan); // one step in flight
      plan = std::move(effects.plan);
    }
    if (effects.pages) {
      REQUIRE_FALSE(pages);
      pages = std::move(effects.pages);
    }
    if (effects.wake_at)
      wake_at = effects.wake_at;
  }

  /// One thing that is pending happens; false: nothing is.
  bool turn(std::mt19937& random) {
    std::vector<int> choices;
    if (plan)
      choices.push_back(0);
    if (pages)
      choices.push_back(1);
    if (!acks.empty())
      choices.push_back(2);
    if (choices.empty() && wake_at) {
      clock.advance(*wake_at - clock.now());
      wake_at.reset();
      act(planner.wake(clock.now()));
      return true;
    }
    if (choices.empty())
      return false;
    switch (choices[random() % choices.size()]) {
    case 0:
      run_step();
      break;
    case 1:
      answer_pages();
      break;
    default:
      auto step = acks.back();
      acks.clear();
      act(planner.acknowledge(step, clock.now()));
    }
    return true;
  }

  void run_step() {
    auto step = std::move(*plan);
    plan.reset();
    step_result result;
    result.step = step.step;
    result.step_us = 1000;
    clock.advance(milliseconds(1));
    std::set<page_id> written;
    for (const auto& sequence : step.started)
      CHECK(started.insert(sequence.id).second);
    for (auto id : step.ended)
      started.erase(id);
    int32_t tokens = 0;
    for (const auto& row : step.rows) {
      tokens += static_cast<int32_t>(row.tokens.size());
      if (row.id == 0) {
        ++canaries;
        continue;
      }
      CHECK(started.contains(row.id));
      auto& known = cache[row.id];
      // What is recomputed after a preemption must be what was there.
      REQUIRE(row.position <= static_cast<int32_t>(known.size()));
      known.resize(static_cast<size_t>(row.position));
      known.insert(known.end(), row.tokens.begin(), row.tokens.end());
      CHECK(static_cast<int32_t>(row.block_table.size()) == pages_of(static_cast<int32_t>(known.size())));
      for (auto page : row.block_table)
        CHECK(written.insert(page).second); // nobody else has it
      if (row.sample) {
        auto& answer = answers[row.id];
        answer.push_back(next_token(known));
        const bool last = static_cast<int32_t>(answer.size()) == limits[row.id];
        result.tokens.push_back({row.id, static_cast<int32_t>(answer.size()) - 1, answer.back(),
                                 last ? finish_reason::length : finish_reason::none});
      }
    }
    CHECK(tokens <= 64);
    CHECK(step.rows.size() <= 4);
    result.computed_tokens = tokens;
    if (!result.tokens.empty())
      acks.push_back(step.step);
    CHECK(acks.size() <= 2); // the ledger's credit
    act(planner.step_done(result, clock.now()));
  }

  void answer_pages() {
    auto request = std::move(*pages);
    pages.reset();
    for (auto id : request.released)
      tables.release(id);
    page_grants answer;
    for (const auto& need : request.needs) {
      auto granted = tables.grow(need.id, need.tokens);
      answer.grants.push_back({need.id, granted.has_value(), granted ? *granted : std::vector<page_id>{}});
    }
    tables.check_conservation();
    act(planner.grants(std::move(answer), clock.now()));
  }

  std::vector<token_id> expected(sequence_id id) const {
    auto known = prompts.at(id);
    std::vector<token_id> answer;
    for (int i = 0; i < limits.at(id); ++i) {
      answer.push_back(next_token(known));
      known.push_back(answer.back());
    }
    return answer;
  }

  manual_clock clock;
  batch_planner planner;
  page_pool pool;
  block_tables tables;
  std::optional<step_plan> plan;
  std::optional<page_request> pages;
  std::optional<steady_time> wake_at;
  std::vector<uint64_t> acks;
  std::set<sequence_id> started;
  std::map<sequence_id, std::vector<token_id>> prompts, cache, answers;
  std::map<sequence_id, int32_t> limits;
  int preempted = 0, reports = 0, canaries = 0;
};

planner_limits small_limits() {
  return {.max_batch_size = 4,
          .max_batch_tokens = 64,
          .step_time_max = milliseconds(200),
          .batch_window = milliseconds(50),
          .canary_page = 1000};
}

std::vector<token_id> random_prompt(std::mt19937& random, size_t length_max) {
  std::vector<token_id> prompt(1 + random() % length_max);
  for (auto& token : prompt)
    token = static_cast<token_id>(random() % 1000);
  return prompt;
}

} // namespace

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
    CHECK(world.pool.used_pages() == 0);
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
    CHECK(world.pool.used_pages() == 0);
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
