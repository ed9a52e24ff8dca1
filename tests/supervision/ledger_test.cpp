#include "tests/supervision/ledger_world.hpp"

using namespace troupe;
using troupe::test::ledger_world;

TEST_CASE("an answer has its events in order, numbered from 0") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  REQUIRE(world.dispatches.size() == 1);
  world.token(1, 1, 0);
  world.token(1, 1, 1);
  auto effects = world.token(1, 1, 2, finish_reason::stop);
  const std::vector<event_kind> expected{event_kind::created,           event_kind::in_progress,
                                         event_kind::output_item_added, event_kind::content_part_added,
                                         event_kind::output_text_delta, event_kind::output_text_delta,
                                         event_kind::output_text_done,  event_kind::content_part_done,
                                         event_kind::output_item_done,  event_kind::completed};
  std::vector<event_kind> kinds;
  for (const auto& event : world.events)
    kinds.push_back(event.kind);
  CHECK(kinds == expected);
  world.check_numbers();
  CHECK(world.events.back().text == "ab"); // the stop token is no text
  CHECK(world.events.back().output_tokens == 3);
  CHECK(world.events.back().prompt_tokens == 3);
  REQUIRE(effects.ended.size() == 1);
  CHECK(effects.ended[0].kind == event_kind::completed);
  CHECK(world.book.entries() == 0);
}

TEST_CASE("a restart goes on after the last token and lets nothing of the old epoch in") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  world.token(1, 1, 0);
  world.token(1, 1, 1);
  world.note(world.book.engine_started({2, {}}));
  REQUIRE(world.dispatches.size() == 2);
  CHECK(world.dispatches[1].epoch == 2);
  CHECK(world.dispatches[1].emitted == std::vector<token_id>{0, 1});
  CHECK(world.token(1, 1, 2).stale_tokens == 1); // late, from the dead engine
  CHECK(world.token(2, 1, 1).stale_tokens == 1); // known already
  CHECK(world.token(2, 1, 3).stale_tokens == 1); // a gap
  world.token(2, 1, 2);
  world.token(2, 1, 3, finish_reason::length);
  CHECK(world.text() == "abcd");
  world.check_numbers();
  CHECK(world.events.back().kind == event_kind::incomplete);
}

TEST_CASE("requests wait for an engine that is not up yet") {
  ledger_world world;
  REQUIRE(world.open("r"));
  CHECK(world.dispatches.empty());
  world.note(world.book.engine_started({1, {}}));
  CHECK(world.dispatches.size() == 1);
}

TEST_CASE("a slow reader is not sent more than its credit") {
  ledger_world world({.entries_max = 4, .unsent_bytes_max = 2000});
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  for (int i = 0; i < 50; ++i)
    world.token(1, 1, i);
  const auto sent = world.events.size();
  CHECK(sent <= 8);
  world.note(world.book.acknowledge({"r", 1'000'000})); // no more than it was sent
  CHECK(world.events.size() > sent);
  CHECK(world.events.size() <= 2 * sent + 1);
  world.token(1, 1, 50, finish_reason::stop);
  for (int i = 0; i < 50; ++i)
    world.note(world.book.acknowledge({"r", world.events.back().sequence_number}));
  world.check_numbers();
  CHECK(world.events.back().kind == event_kind::completed);
  CHECK(world.text().size() == 50);
  CHECK(world.book.entries() == 0);
}

TEST_CASE("a full ledger refuses, a cancelled response makes room") {
  ledger_world world({.entries_max = 2, .unsent_bytes_max = 1 << 20});
  world.note(world.book.engine_started({1, {}}));
  CHECK(world.open("a"));
  CHECK(world.open("b"));
  CHECK_FALSE(world.open("c"));
  CHECK_FALSE(world.open("b"));
  world.note(world.book.cancel("a"));
  CHECK(world.cancels.size() == 1);
  CHECK(world.events.back().kind == event_kind::failed);
  CHECK(world.events.back().error == request_error::cancelled);
  CHECK(world.open("c"));
  world.note(world.book.cancel("unknown"));
  CHECK(world.token(1, 1, 0).stale_tokens == 0); // for a cancelled entry: dropped without a word
}

TEST_CASE("one tenant cannot take the places of the others") {
  ledger_world world({.entries_max = 5, .entries_per_tenant_max = 2});
  CHECK(world.open("a", 1, {}, "first"));
  CHECK(world.open("b", 1, {}, "first"));
  CHECK_FALSE(world.open("c", 1, {}, "first"));
  CHECK(world.last_refusal.code == request_error::too_many_requests);
  CHECK(world.last_refusal.retry_after_s == 1);
  CHECK(world.last_refusal.message ==
        "2 requests of this key are in progress, the limit (requests_per_key_max): retry later");
  CHECK(world.open("d", 1, {}, "second"));
  world.note(world.book.cancel("a"));
  CHECK(world.open("c", 1, {}, "first"));
}

TEST_CASE("Retry-After is about the time until the next answer ends, and bounded") {
  for (auto [interval_ms, seconds] : {std::pair(20, 1), std::pair(6'500, 7), std::pair(300'000, 60)}) {
    ledger_world world({.entries_max = 1});
    for (int i = 0; i < 4; ++i) {
      CHECK(world.open("a"));
      CHECK_FALSE(world.open("b"));
      world.clock.advance(milliseconds(interval_ms));
      world.note(world.book.cancel("a"));
    }
    CHECK(world.open("a"));
    CHECK_FALSE(world.open("b"));
    CHECK(world.last_refusal.retry_after_s == seconds);
  }
}

TEST_CASE("the terminal event says how much of the prompt was cached when the answer began") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  world.open("a");
  const auto step = [&](int32_t position, int32_t cached, finish_reason finish) {
    world.note(world.book.step(
        {.epoch = 1,
         .step = 1,
         .tokens = {{.id = 1, .position = position, .token = 3, .finish = finish, .cached_tokens = cached}},
         .computed_tokens = 1,
         .step_us = 1,
         .idle_us = 0}));
  };
  step(0, 16, finish_reason::none);
  step(1, 48, finish_reason::length);
  CHECK(world.events.back().cached_tokens == 16);
}

TEST_CASE("a deadline ends a response once, with a typed error") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  world.clock.advance(milliseconds(999));
  CHECK(world.note(world.book.check_deadlines()).ended.empty());
  world.clock.advance(milliseconds(1));
  auto effects = world.note(world.book.check_deadlines());
  REQUIRE(effects.ended.size() == 1);
  CHECK(effects.ended[0].error == request_error::deadline_exceeded);
  CHECK(world.events.back().error_message.find("1000 ms") != std::string::npos);
  CHECK(world.cancels.size() == 1);
  CHECK(world.book.entries() == 0);
}

TEST_CASE("a reader that never takes the end hears of it once the wait is over, and the entry goes") {
  ledger_world world({.entries_max = 4, .unsent_bytes_max = 300, .end_wait = milliseconds(30'000)});
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  world.token(1, 1, 0, finish_reason::stop);
  CHECK(world.book.entries() == 1);
  world.clock.advance(milliseconds(1000 + 29'999));
  world.note(world.book.check_deadlines());
  CHECK(world.book.entries() == 1);
  CHECK_FALSE(is_terminal(world.events.back().kind));
  world.clock.advance(milliseconds(1));
  world.note(world.book.check_deadlines());
  CHECK(world.book.entries() == 0);
  CHECK(world.events.back().kind == event_kind::completed);
}

TEST_CASE("a reader that is behind when a short deadline passes still gets every event") {
  ledger_world world({.entries_max = 4, .unsent_bytes_max = 300});
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r")); // timeout: 1000 ms
  for (int i = 0; i < 5; ++i)
    world.token(1, 1, i);
  world.clock.advance(milliseconds(1000));
  world.note(world.book.check_deadlines());
  CHECK_FALSE(is_terminal(world.events.back().kind));
  world.clock.advance(milliseconds(5000));
  world.note(world.book.check_deadlines());
  for (int i = 0; i < 20; ++i)
    world.note(world.book.acknowledge({"r", world.events.back().sequence_number}));
  world.check_numbers();
  CHECK(world.events.back().error == request_error::deadline_exceeded);
  CHECK(world.text() == "abcde");
  CHECK(world.book.entries() == 0);
}

TEST_CASE("an engine that was given up ends everything with a typed error and refuses more") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  auto effects = world.note(world.book.engine_lost({"boom"}));
  REQUIRE(effects.ended.size() == 1);
  CHECK(world.events.back().error == request_error::engine_failed);
  CHECK_FALSE(world.open("s"));
  world.note(world.book.engine_started({2, {}}));
  CHECK(world.open("t"));
}
