#include "net/stream_registry.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

struct deaf_listener final : stream_listener {
  void on_accepted(const accepted_response&) override {}
  void on_rejected(const rejection&) override {}
  void on_events(std::span<const response_event>) override {}
};

response_event event_of(const std::string& id, int64_t number, event_kind kind) {
  response_event event;
  event.response_id = id;
  event.sequence_number = number;
  event.kind = kind;
  return event;
}

} // namespace

TEST_CASE("events go to their listeners in order, and a stream ends with its terminal event") {
  stream_registry streams;
  auto a = std::make_shared<deaf_listener>(), b = std::make_shared<deaf_listener>();
  CHECK(streams.add("a", a));
  CHECK_FALSE(streams.add("a", b));
  CHECK(streams.add("b", b));
  CHECK(streams.accept("a") == a);
  std::vector<std::string> orphans;
  auto sorted = streams.sort({{event_of("a", 0, event_kind::created), event_of("b", 0, event_kind::created),
                               event_of("a", 1, event_kind::completed)}},
                             orphans);
  CHECK(orphans.empty());
  REQUIRE(sorted.size() == 2);
  CHECK(sorted[0].listener == a);
  CHECK(sorted[0].events.size() == 2);
  CHECK(streams.size() == 1);
}

TEST_CASE("a response that begins after its stream was removed is an orphan, once") {
  stream_registry streams;
  streams.add("a", std::make_shared<deaf_listener>());
  streams.remove("a");
  CHECK(streams.accept("a") == nullptr);
  std::vector<std::string> orphans;
  CHECK(
      streams
          .sort({{event_of("a", 0, event_kind::created), event_of("a", 1, event_kind::in_progress)}}, orphans)
          .empty());
  CHECK(orphans == std::vector<std::string>{"a"});
}

TEST_CASE("only accepted streams are failed, with the next number") {
  stream_registry streams;
  streams.add("waiting", std::make_shared<deaf_listener>());
  streams.add("running", std::make_shared<deaf_listener>());
  streams.accept("running");
  std::vector<std::string> orphans;
  streams.sort(
      {{event_of("running", 0, event_kind::created), event_of("running", 1, event_kind::in_progress)}},
      orphans);
  auto failed = streams.fail_all(request_error::not_ready, "gone");
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].events.at(0).sequence_number == 2);
  CHECK(failed[0].events.at(0).kind == event_kind::failed);
  CHECK(streams.size() == 1);
}
