#include "supervision/ledger.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

/// Token n is the letter 'a' + n; nothing is held back.
text_decoder letters() {
  return [](std::optional<token_id> token) {
    return token ? std::string(1, static_cast<char>('a' + *token)) : std::string{};
  };
}

/// A ledger, its clock, and all events it has sent, as a reader sees them.
struct ledger_world {
  manual_clock clock;
  ledger book;
  std::vector<response_event> events;
  std::vector<dispatch_sequence> dispatches;
  std::vector<cancel_sequence> cancels;

  explicit ledger_world(ledger_limits limits = {}) : book(limits, letters, clock) {}

  ledger_effects note(ledger_effects effects) {
    for (auto& event : effects.events)
      events.push_back(event.event);
    dispatches.insert(dispatches.end(), effects.dispatches.begin(), effects.dispatches.end());
    cancels.insert(cancels.end(), effects.cancels.begin(), effects.cancels.end());
    return effects;
  }

  bool open(const std::string& id, subscriber_key reader = 1) {
    open_entry entry;
    entry.response_id = id;
    entry.spec.prompt = {1, 2, 3};
    entry.spec.max_tokens = 100;
    entry.timeout_ms = 1000;
    ledger_effects effects;
    auto opened = book.open(std::move(entry), reader, effects);
    note(std::move(effects));
    return std::holds_alternative<accepted_response>(opened);
  }

  ledger_effects token(epoch_number epoch, sequence_id id, int32_t position,
                       finish_reason finish = finish_reason::none) {
    return note(book.step({.epoch = epoch,
                           .step = 1,
                           .tokens = {{id, position, position % 26, finish}},
                           .computed_tokens = 1,
                           .step_us = 1,
                           .idle_us = 0}));
  }

  std::string text() const {
    std::string out;
    for (const auto& event : events)
      if (event.kind == event_kind::output_text_delta)
        out += event.text;
    return out;
  }

  void check_numbers() const {
    for (size_t i = 0; i < events.size(); ++i)
      CHECK(events[i].sequence_number == static_cast<int64_t>(i));
  }
};

} // namespace

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

TEST_CASE("an entry whose reader never takes the end is dropped after a second timeout") {
  ledger_world world({.entries_max = 4, .unsent_bytes_max = 300});
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r"));
  world.token(1, 1, 0, finish_reason::stop);
  CHECK(world.book.entries() == 1);
  world.clock.advance(milliseconds(1500));
  world.note(world.book.check_deadlines());
  CHECK(world.book.entries() == 1);
  world.clock.advance(milliseconds(500));
  world.note(world.book.check_deadlines());
  CHECK(world.book.entries() == 0);
}

TEST_CASE("three crashed steps quarantine a request, merely waiting counts nothing") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("poison"));
  REQUIRE(world.open("bystander"));
  world.note(world.book.engine_started({2, {1}}));
  world.note(world.book.engine_started({3, {1}}));
  auto effects = world.note(world.book.engine_started({4, {1}}));
  REQUIRE(effects.ended.size() == 1);
  CHECK(effects.ended[0].response_id == "poison");
  CHECK(effects.ended[0].error == request_error::engine_failed);
  REQUIRE(effects.dispatches.size() == 1);
  CHECK(effects.dispatches[0].id == 2);
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

TEST_CASE("a reader that dies takes its responses with it") {
  ledger_world world;
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("a", 1));
  REQUIRE(world.open("b", 2));
  auto effects = world.book.cancel_subscriber(1);
  CHECK(effects.cancels.size() == 1);
  CHECK(effects.events.empty());
  CHECK(world.book.entries() == 1);
}
