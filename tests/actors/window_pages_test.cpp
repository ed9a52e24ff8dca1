#include "tests/actors/planner_world.hpp"

using namespace troupe;

namespace {

/// Sinks 4 and window 32 with 32 tokens ahead: 1 + 4 + 1 pages at most.
planner_limits windowed_limits() {
  auto limits = small_limits();
  limits.max_batch_tokens = 16;
  limits.window = {32, 4};
  limits.tokens_ahead = 32;
  return limits;
}

constexpr int32_t windowed_pages = 6;

std::vector<token_id> counted(int32_t tokens, int32_t first) {
  std::vector<token_id> out;
  for (int32_t i = 0; i < tokens; ++i)
    out.push_back((first + i) % 1000);
  return out;
}

page_need need(int32_t tokens, int32_t computed, int32_t ahead) {
  page_need out;
  out.id = 1;
  out.tokens = tokens;
  out.computed = computed;
  out.ahead = ahead;
  return out;
}

} // namespace

TEST_CASE("with a window a sequence goes through far fewer pages than it is long", "[window]") {
  for (const bool cache : {false, true}) {
    auto limits = windowed_limits();
    limits.prefix_cache = cache;
    planner_world world(limits, windowed_pages);
    world.submit(1, counted(500, 1), 300);
    std::mt19937 random(1);
    while (world.turn(random))
      CHECK(world.book.used_pages() <= windowed_pages);
    CHECK(world.answers[1] == world.expected(1));
    CHECK(world.preempted == 0);
    CHECK(world.book.used_pages() == 0);
    world.book.check_conservation();
  }
}

TEST_CASE("without enough of them to go round, windowed sequences give way and come back", "[window]") {
  int preempted = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    auto limits = windowed_limits();
    limits.prefix_cache = seed % 3 != 0;
    planner_world world(limits, windowed_pages + static_cast<int32_t>(random() % 12));
    for (sequence_id id = 1; id <= 6; ++id)
      world.submit(id, counted(1 + static_cast<int32_t>(random() % 200), static_cast<int32_t>(random() % 2)),
                   1 + static_cast<int32_t>(random() % 80));
    int turns = 0;
    while (world.turn(random))
      REQUIRE(++turns < 20'000);
    for (sequence_id id = 1; id <= 6; ++id)
      CHECK(world.answers[id] == world.expected(id));
    CHECK(world.book.used_pages() == 0);
    world.book.check_conservation();
    preempted += world.preempted;
  }
  CHECK(preempted > 0);
}

TEST_CASE("a cached beginning longer than the window is found, and needs no more pages than a short one",
          "[window]") {
  planner_world world(windowed_limits(), 40);
  world.submit(1, counted(400, 1), 4);
  world.finish();
  const auto first = world.computed[1];
  auto longer = counted(400, 1);
  longer.push_back(7);
  world.submit(2, longer, 40);
  std::mt19937 random(2);
  while (world.turn(random))
    CHECK(world.book.used_pages() <= windowed_pages);
  CHECK(world.answers[2] == world.expected(2));
  CHECK(world.first_cached[2] == 400);
  CHECK(world.computed[2] < first);
}

TEST_CASE("the page book gives back what nobody sees, and keeps sinks", "[window]") {
  page_book book(16, {32, 4});
  page_request request;
  request.needs = {need(100, 0, 0)};
  auto all = book.answer(request).grants.front();
  REQUIRE(all.granted);
  CHECK(all.pages.size() == 7);
  CHECK(book.used_pages() == 7);
  // A query at 79 sees 48 to 79 and the sinks; at 78 also 47.
  request.needs = {need(100, 78, 0)};
  CHECK(book.answer(request).grants.front().pages.empty());
  CHECK(book.used_pages() == 6);
  request.needs = {need(100, 79, 0)};
  CHECK(book.answer(request).grants.front().granted);
  CHECK(book.used_pages() == 5); // 0, and 3 to 6
  request.needs = {need(1000, 100, 20)};
  CHECK(book.answer(request).grants.front().pages.size() == 1); // positions to 120
  book.check_conservation();
  request.needs.clear();
  request.released = {1};
  book.answer(request);
  CHECK(book.used_pages() == 0);
  book.check_conservation();
}
