#include "tests/supervision/ledger_world.hpp"

using namespace troupe;
using troupe::test::ledger_world;

namespace {

const resume_terms terms{
    .owner = "key", .stream_token = "secret", .token_optional = false, .door_state = "door"};

attach_reader reader_of(const std::string& id, int64_t starting_after, std::string token = "secret",
                        std::string owner = "key") {
  return {id, std::move(owner), std::move(token), starting_after};
}

/// A world in which response "r" (sequence 1, subscriber 1) has two tokens: events 0 to 5.
struct resume_world : ledger_world {
  explicit resume_world(ledger_limits limits = {}) : ledger_world(limits) {
    note(book.engine_started({1, {}}));
    REQUIRE(open("r", 1, terms));
    token(1, 1, 0);
    token(1, 1, 1);
    REQUIRE(events.size() == 6);
  }

  /// What a reader that attaches is sent at once; nothing if it is refused.
  std::optional<std::vector<addressed_event>> attach(const attach_reader& reader, subscriber_key key = 2) {
    ledger_effects effects;
    auto answer = book.attach(reader, key, effects);
    if (!std::holds_alternative<accepted_response>(answer)) {
      refused = std::get<rejection>(answer);
      return std::nullopt;
    }
    accepted = std::get<accepted_response>(answer);
    return effects.events;
  }

  accepted_response accepted;
  rejection refused;
};

bool same(const response_event& a, const response_event& b) {
  return a.sequence_number == b.sequence_number && a.kind == b.kind && a.text == b.text &&
         a.output_tokens == b.output_tokens && a.cut == b.cut && a.ended_at == b.ended_at;
}

} // namespace

TEST_CASE("a reader that comes back gets the same events from any number on") {
  resume_world world;
  for (int64_t after = -1; after < 6; ++after) {
    world.book.detach("r");
    const auto again = world.attach(reader_of("r", after));
    REQUIRE(again);
    REQUIRE(again->size() == static_cast<size_t>(5 - after));
    for (const auto& each : *again) {
      CHECK(each.subscriber == 2);
      CHECK(same(each.event, world.events[static_cast<size_t>(each.event.sequence_number)]));
    }
  }
  CHECK(world.accepted.door_state == "door");
  CHECK(world.accepted.prompt_tokens == 3);
  world.token(1, 1, 2, finish_reason::stop);
  world.check_numbers();
}

TEST_CASE("an answer goes on without its reader, who hears of nothing but the end") {
  resume_world world;
  CHECK(world.book.detach("r").cancels.empty());
  CHECK(world.token(1, 1, 2).events.empty());
  const auto end = world.token(1, 1, 3, finish_reason::length);
  REQUIRE(end.events.size() == 1);
  CHECK(end.events[0].event.kind == event_kind::incomplete);
  CHECK(end.events[0].event.text == "abcd");
  CHECK(world.book.entries() == 0);
  CHECK(world.book.kept() == 1);
  const auto rest = world.attach(reader_of("r", 5));
  REQUIRE(rest);
  CHECK(rest->front().event.sequence_number == 6);
  CHECK(rest->front().event.text == "c");
  CHECK(rest->back().event.kind == event_kind::incomplete);
  CHECK(rest->back().event.prompt_tokens == 3);
  CHECK(rest->back().event.output_tokens == 4);
}

TEST_CASE("an ended answer can be read again within the window, then it is gone") {
  resume_world world;
  world.token(1, 1, 2, finish_reason::stop);
  CHECK(world.book.kept() == 1);
  world.clock.advance(milliseconds(9'999));
  world.note(world.book.check_deadlines());
  const auto all = world.attach(reader_of("r", -1));
  REQUIRE(all);
  CHECK(all->size() == world.events.size());
  world.clock.advance(milliseconds(9'999)); // each reading opens the window again
  world.note(world.book.check_deadlines());
  CHECK(world.book.kept() == 1);
  world.clock.advance(milliseconds(1));
  world.note(world.book.check_deadlines());
  CHECK(world.book.kept() == 0);
  CHECK_FALSE(world.attach(reader_of("r", -1)));
  CHECK(world.refused.code == request_error::response_not_found);
}

TEST_CASE("a reader that does not come back cancels its answer when the window is over") {
  ledger_limits limits;
  limits.resume_window = milliseconds(500);
  resume_world world(limits);
  world.book.detach("r");
  world.clock.advance(milliseconds(499));
  CHECK(world.book.check_deadlines().ended.empty());
  world.clock.advance(milliseconds(1));
  const auto effects = world.book.check_deadlines();
  REQUIRE(effects.ended.size() == 1);
  CHECK(effects.ended[0].error == request_error::cancelled);
  CHECK(effects.cancels.size() == 1);
  CHECK(world.book.entries() == 0);
}

TEST_CASE("who may attach") {
  resume_world world;
  CHECK_FALSE(world.attach(reader_of("r", 0, "secreT")));
  CHECK_FALSE(world.attach(reader_of("r", 0, "")));
  CHECK_FALSE(world.attach(reader_of("r", 0, "secret", "other")));
  CHECK_FALSE(world.attach(reader_of("s", 0)));
  CHECK(world.refused.code == request_error::response_not_found);
  CHECK_FALSE(world.attach(reader_of("r", 6)));
  CHECK(world.refused.code == request_error::invalid_value);
  CHECK_FALSE(world.attach(reader_of("r", -2)));
  CHECK(world.attach(reader_of("r", 5)));
  auto stored = terms;
  stored.token_optional = true;
  REQUIRE(world.open("stored", 1, stored));
  CHECK(world.attach(reader_of("stored", 0, "")));
  CHECK_FALSE(world.attach(reader_of("stored", 0, "wrong")));
  CHECK_FALSE(world.attach(reader_of("stored", 0, "", "other")));
  REQUIRE(world.open("plain", 1));
  CHECK_FALSE(world.attach({"plain", "", "", 0}));
}

TEST_CASE("a crash while nobody reads changes nothing in what is read later") {
  resume_world world;
  world.book.detach("r");
  world.token(1, 1, 2);
  world.note(world.book.engine_started({2, {1}}));
  CHECK(world.dispatches.back().emitted.size() == 3);
  world.token(1, 1, 3); // late, of the old epoch
  world.token(2, 1, 3, finish_reason::stop);
  const auto rest = world.attach(reader_of("r", 5));
  REQUIRE(rest);
  CHECK(rest->front().event.text == "c");
  CHECK(rest->back().event.text == "abc");
}

TEST_CASE("the oldest logs go first when they are too many together") {
  ledger_limits limits;
  limits.kept_bytes_max = 10'000; // about five answers of one token
  ledger_world world(limits);
  world.note(world.book.engine_started({1, {}}));
  for (sequence_id id = 1; id <= 20; ++id) {
    REQUIRE(world.open("r" + std::to_string(id), 1, terms));
    world.token(1, id, 0, finish_reason::length);
  }
  CHECK(world.book.kept() >= 3);
  CHECK(world.book.kept() <= 6);
  ledger_effects effects;
  CHECK(std::holds_alternative<rejection>(world.book.attach(reader_of("r1", -1), 2, effects)));
  CHECK(std::holds_alternative<accepted_response>(world.book.attach(reader_of("r20", -1), 2, effects)));
}

TEST_CASE("without a window or a token an answer ends with its reader") {
  ledger_limits limits;
  limits.resume_window = milliseconds(0);
  resume_world world(limits);
  CHECK(world.book.detach("r").cancels.size() == 1);
  CHECK(world.book.entries() == 0);
  resume_world other;
  REQUIRE(other.open("plain", 1));
  const auto effects = other.book.detach("plain");
  REQUIRE(effects.events.size() == 1);
  CHECK(effects.events[0].event.error == request_error::cancelled);
  CHECK(effects.cancels.size() == 1);
  CHECK(other.book.entries() == 1);
}

TEST_CASE("a subscriber that dies leaves what can be resumed, and takes the rest with it") {
  resume_world world;
  REQUIRE(world.open("plain", 1));
  REQUIRE(world.open("other", 2));
  const auto effects = world.book.lose_subscriber(1);
  CHECK(effects.cancels.size() == 1);
  CHECK(effects.events.empty());
  CHECK(world.book.entries() == 2);
  CHECK(world.attach(reader_of("r", 5)));
}

TEST_CASE("a slow reader that leaves after the end finds the rest again") {
  ledger_limits limits;
  limits.unsent_bytes_max = 300;
  ledger_world world(limits);
  world.note(world.book.engine_started({1, {}}));
  REQUIRE(world.open("r", 1, terms));
  world.token(1, 1, 0, finish_reason::stop);
  CHECK(world.book.entries() == 1);
  const auto effects = world.book.detach("r");
  REQUIRE(effects.events.size() == 1);
  CHECK(effects.events[0].event.kind == event_kind::completed);
  CHECK(world.book.entries() == 0);
  CHECK(world.book.kept() == 1);
}

TEST_CASE("a reader that had the end already is told so") {
  resume_world world;
  world.clock.set_unix_seconds(1'700'000'123);
  world.token(1, 1, 2, finish_reason::length);
  const auto count = static_cast<int64_t>(world.events.size());
  CHECK(world.events.back().ended_at == 1'700'000'123);
  CHECK(world.events[world.events.size() - 2].cut);
  for (int64_t after = 5; after < count; ++after) {
    world.clock.set_unix_seconds(1'700'000'200); // later readings change nothing
    const auto rest = world.attach(reader_of("r", after));
    REQUIRE(rest);
    CHECK(world.accepted.read_already == (after == count - 1));
    for (const auto& each : *rest)
      CHECK(same(each.event, world.events[static_cast<size_t>(each.event.sequence_number)]));
  }
}
