#include "actors/fair_share.hpp"
#include "planner_world.hpp"

#include <algorithm>

using namespace troupe;

namespace {

std::vector<token_id> fresh_prompt(sequence_id id, int32_t count) {
  std::vector<token_id> out;
  for (int32_t i = 0; i < count; ++i)
    out.push_back(static_cast<token_id>(id) * 10'000 + i); // nobody shares
  return out;
}

/// An engine with more work than it can do: as soon as few wait, more come.
struct busy_engine {
  explicit busy_engine(planner_limits limits, int32_t pages = 400) : world(limits, pages) {}

  void submit(const std::string& tenant, int32_t priority, int32_t prompt = 20, int32_t answer = 10) {
    world.submit(next, fresh_prompt(next, prompt), answer, tenant, priority);
    tenants[next++] = tenant;
  }

  /// Keeps `waiting_min` requests of this kind waiting for so many milliseconds, or until `id` began.
  bool run(int64_t ms, sequence_id id, const std::string& tenant, int32_t priority, int32_t waiting_min = 8) {
    const auto end = world.clock.now() + milliseconds(ms);
    while (world.clock.now() < end && !world.begun.contains(id)) {
      while (world.planner.waiting() < waiting_min)
        submit(tenant, priority);
      world.turn(random);
    }
    return world.begun.contains(id);
  }

  int64_t tokens_of(const std::string& tenant) {
    int64_t sum = 0;
    for (const auto& [id, count] : world.computed)
      sum += tenants[id] == tenant ? count : 0;
    return sum;
  }

  int64_t queue_of(const std::string& tenant) {
    int64_t count = 0;
    for (auto id = next - 1; id > 0 && next - id < 200; --id)
      count += tenants[id] == tenant && !world.begun.contains(id) ? 1 : 0;
    return count;
  }

  planner_world world;
  std::mt19937 random{3};
  sequence_id next = 1;
  std::map<sequence_id, std::string> tenants;
};

planner_limits aging(milliseconds level) {
  auto limits = small_limits();
  limits.priority_level = level;
  return limits;
}

} // namespace

TEST_CASE("the lower number goes first, then who came first") {
  auto limits = aging(std::chrono::hours(1));
  limits.max_batch_size = 1;
  busy_engine engine(limits);
  engine.submit("", 0); // takes the place
  while (engine.world.begun.empty())
    engine.world.turn(engine.random);
  for (int32_t priority : {3, 1, 2, 0, 1})
    engine.submit("", priority); // 2 .. 6
  engine.world.finish();
  std::vector<std::pair<steady_time, sequence_id>> order;
  for (sequence_id id = 2; id <= 6; ++id)
    order.emplace_back(engine.world.begun[id], id);
  std::ranges::sort(order);
  std::vector<sequence_id> ids;
  for (const auto& [time, id] : order)
    ids.push_back(id);
  CHECK(ids == std::vector<sequence_id>{5, 3, 6, 4, 2});
}

TEST_CASE("the bound on waiting: p levels below the best, a request is their equal after p times the level") {
  constexpr int64_t level_ms = 20, service_ms = 30; // one answer of 10 tokens, and its prompt: about 12 steps
  for (int32_t levels : {1, 5, 20}) {
    CAPTURE(levels);
    busy_engine engine(aging(milliseconds(level_ms)));
    engine.run(50, 0, "", 0);
    const auto id = engine.next;
    const auto came = engine.world.clock.now();
    engine.submit("", levels);
    REQUIRE(engine.run(10'000, id, "", 0));
    const auto waited = engine.world.begun[id] - came;
    CHECK(waited >= milliseconds((levels - 1) * level_ms)); // it is not a plain queue either
    CHECK(waited <= milliseconds(levels * level_ms + service_ms));
  }
  busy_engine never(aging(std::chrono::hours(1)));
  never.run(50, 0, "", 0);
  const auto id = never.next;
  never.submit("", 1);
  CHECK_FALSE(never.run(2'000, id, "", 0)); // without aging it would starve
}

TEST_CASE("a light tenant does not wait behind a heavy one's queue, and a heavy one is not starved") {
  busy_engine engine(small_limits());
  engine.run(100, 0, "heavy", 0, 60);
  const auto came = engine.world.clock.now();
  const auto id = engine.next;
  engine.submit("light", 0);
  REQUIRE(engine.run(10'000, id, "heavy", 0, 60));
  CHECK(engine.world.begun[id] - came <= milliseconds(30)); // the next place that is free

  // Now the light one has a queue too, of small requests, and the other one large one.
  busy_engine other(small_limits());
  other.run(100, 0, "light", 0, 20);
  const auto large = other.next;
  other.submit("heavy", 0, 1500, 20);
  REQUIRE(other.run(10'000, large, "light", 0, 20));
  other.world.finish();
  CHECK(other.world.answers[large] == other.world.expected(large));
}

TEST_CASE("two tenants with queues get the same, whatever the sizes of their requests") {
  busy_engine engine(small_limits());
  const auto end = engine.world.clock.now() + milliseconds(3'000);
  int64_t at_half_a = 0, at_half_b = 0;
  while (engine.world.clock.now() < end) {
    for (const auto* tenant : {"a", "b"})
      while (engine.queue_of(tenant) < 20)
        engine.submit(tenant, 0, *tenant == 'a' ? 200 : 10, *tenant == 'a' ? 20 : 5);
    engine.world.turn(engine.random);
    if (at_half_a == 0 && engine.world.clock.now() >= end - milliseconds(1'500)) {
      at_half_a = engine.tokens_of("a");
      at_half_b = engine.tokens_of("b");
    }
  }
  const auto a = engine.tokens_of("a") - at_half_a, b = engine.tokens_of("b") - at_half_b;
  CHECK(a > 1000);
  CHECK(std::abs(a - b) <= 4 * 220); // at most what four running requests owe
}

TEST_CASE("idle time saves nothing up, and leaving for a moment clears no account") {
  fair_share shares;
  auto& a = shares.enter("a");
  a.served = 1000;
  auto& b = shares.enter("b");
  CHECK(b.served == 1000);
  b.served = 5000;
  shares.leave("b");
  CHECK(shares.enter("b").served == 5000);
  a.served = 9000;
  shares.leave("b");
  CHECK(shares.accounts() == 1); // it owes nothing any more
  CHECK(shares.enter("b").served == 9000);
  shares.leave("a");
  shares.leave("b");
  CHECK(shares.accounts() == 0);
}

TEST_CASE("when pages run out, the youngest of the lowest priority gives way") {
  planner_world world(small_limits(), 16);
  const std::vector<int32_t> priorities{1, 0, 1, 0};
  for (sequence_id id = 1; id <= 4; ++id)
    world.submit(id, fresh_prompt(id, 60), 40, "", priorities[id - 1]); // 4 pages each, and soon 5
  std::mt19937 random(1);
  while (world.gave_way.empty())
    REQUIRE(world.turn(random));
  CHECK(world.gave_way.front() == 3);
  world.finish();
  for (sequence_id id = 1; id <= 4; ++id)
    CHECK(world.answers[id] == world.expected(id));
  CHECK(std::ranges::count(world.gave_way, 2) == 0);
}

TEST_CASE("an urgent request takes the place of a running one of lower priority, which goes on later") {
  planner_world world(small_limits(), 100);
  for (sequence_id id = 1; id <= 4; ++id)
    world.submit(id, fresh_prompt(id, 60), 300, "", 2);
  std::mt19937 random(1);
  while (world.begun.size() < 4)
    world.turn(random);
  world.submit(5, fresh_prompt(5, 60), 5, "", -1);
  const auto came = world.clock.now();
  while (!world.begun.contains(5))
    REQUIRE(world.turn(random));
  CHECK(world.begun[5] - came <= milliseconds(15)); // the others have 300 to go
  world.finish();
  CHECK(world.gave_way == std::vector<sequence_id>{4});
  for (sequence_id id = 1; id <= 5; ++id)
    CHECK(world.answers[id] == world.expected(id));
  CHECK(world.computed[4] < 60 + 300 + 2 * page_tokens); // its pages were still there
}

TEST_CASE("small requests do not starve a large one of pages") {
  busy_engine engine(small_limits(), 40);
  engine.run(50, 0, "", 0);
  const auto id = engine.next;
  engine.submit("", 0, 600, 5); // nearly all pages
  REQUIRE(engine.run(300, id, "", 0));
  engine.world.finish();
  CHECK(engine.world.answers[id] == engine.world.expected(id));
}
