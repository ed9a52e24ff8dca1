#include "tests/supervision/ledger_world.hpp"

using namespace troupe;
using troupe::test::ledger_world;

namespace {

/// r1 … rn run in epoch 1; nobody has a token yet.
struct suspects_world : ledger_world {
  explicit suspects_world(int count) {
    note(book.engine_started({1, {}}));
    for (int i = 1; i <= count; ++i)
      REQUIRE(open("r" + std::to_string(i)));
    dispatches.clear();
  }

  ledger_effects crash(epoch_number next, std::vector<sequence_id> fatal_step) {
    dispatches.clear();
    return note(book.engine_started({next, std::move(fatal_step)}));
  }

  std::vector<sequence_id> dispatched() const {
    std::vector<sequence_id> out;
    for (const auto& each : dispatches)
      out.push_back(each.id);
    return out;
  }
};

using ids = std::vector<sequence_id>;

} // namespace

TEST_CASE("suspects are dispatched apart, in halves, everybody else as ever") {
  suspects_world world(4);
  world.crash(2, {1, 2, 3});
  REQUIRE(world.dispatched() == ids{4, 1, 2, 3});
  CHECK(world.dispatches[0].group == 0);
  CHECK(world.dispatches[1].group != 0);
  CHECK(world.dispatches[1].group == world.dispatches[2].group);
  CHECK(world.dispatches[3].group != 0);
  CHECK(world.dispatches[3].group != world.dispatches[1].group);
  CHECK(world.dispatches[3].apart_tokens == 3);
}

TEST_CASE("a suspect that goes on for three tokens is none after the next crash") {
  suspects_world world(2);
  world.crash(2, {1, 2});
  for (int i = 0; i < 3; ++i)
    world.token(2, 1, i);
  world.token(2, 2, 0);
  world.crash(3, {2});
  REQUIRE(world.dispatched() == ids{1}); // 2 waits until 1 has a token
  CHECK(world.dispatches[0].group == 0);
  world.token(3, 1, 3);
  REQUIRE(world.dispatched() == ids{1, 2});
  CHECK(world.dispatches[1].group != 0);
  CHECK(world.dispatches[1].emitted == std::vector<token_id>{0});
  CHECK(world.dispatches[1].epoch == 3);
}

TEST_CASE("suspects do not wait for streams that never go on") {
  suspects_world world(3);
  world.token(1, 1, 0);
  world.token(1, 3, 0);
  SECTION("a second is enough") {
    world.crash(2, {2});
    CHECK(world.dispatched() == ids{1, 3});
    world.token(2, 1, 1);
    CHECK(world.dispatched() == ids{1, 3});
    world.clock.advance(milliseconds(999));
    world.note(world.book.check_deadlines());
    CHECK(world.dispatched() == ids{1, 3});
    world.clock.advance(milliseconds(1));
    world.crash(3, {}); // and counts anew after the next crash
    CHECK(world.dispatched() == ids{1, 3});
  }
  SECTION("one that ended is not waited for") {
    world.crash(2, {2});
    world.token(2, 1, 1, finish_reason::stop);
    world.note(world.book.cancel("r3"));
    world.note(world.book.check_deadlines());
    CHECK(world.dispatched() == ids{1, 3, 2});
  }
}

TEST_CASE("the only one in two fatal steps is quarantined, with an error that says so") {
  suspects_world world(2);
  world.crash(2, {1, 2});
  world.token(2, 2, 0);
  world.token(2, 2, 1);
  world.token(2, 2, 2);
  CHECK(world.crash(3, {1}).ended.empty());
  const auto effects = world.crash(4, {1});
  REQUIRE(effects.ended.size() == 1);
  CHECK(effects.ended[0].response_id == "r1");
  CHECK(effects.ended[0].error == request_error::request_quarantined);
  CHECK(effects.cancels.empty()); // the engine never heard of it
  CHECK(world.events.back().error_message.find("crashed twice") != std::string::npos);
  CHECK(world.dispatched() == ids{2});
  CHECK(world.dispatches[0].group == 0);
}

TEST_CASE("crashes while a request merely waited count nothing") {
  suspects_world world(2);
  for (epoch_number epoch = 2; epoch < 20; ++epoch) {
    CHECK(world.crash(epoch, {}).ended.empty());
    CHECK(world.dispatches[1].group == 0);
  }
  world.crash(20, {1});
  CHECK(world.crash(21, {1}).ended.size() == 1);
  CHECK(world.dispatched() == ids{2});
}

TEST_CASE("a suspect whose deadline passes while it waits is never dispatched") {
  suspects_world world(2); // timeout 1000 ms
  world.token(1, 1, 0);
  world.clock.advance(milliseconds(600));
  world.crash(2, {2});
  world.clock.advance(milliseconds(400));
  const auto effects = world.note(world.book.check_deadlines());
  CHECK(effects.ended.size() == 2);
  CHECK(effects.cancels.size() == 1); // of the other one
  CHECK(world.dispatched() == ids{1});
}

TEST_CASE("the canary is no suspect") {
  suspects_world world(1);
  CHECK(world.crash(2, {0}).ended.empty());
  CHECK(world.crash(3, {0}).ended.empty());
  CHECK(world.dispatches.at(0).group == 0);
}
