#include "supervision/cluster/membership.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

constexpr milliseconds step{100};

membership_options options_of(const std::string& name, uint64_t incarnation = 1) {
  membership_options out;
  out.self = {.name = name, .life = {incarnation, 0}, .numeric_class = 1, .address = name + ":1"};
  return out;
}

std::vector<member_change> changes(const cluster_effects& effects) {
  std::vector<member_change> out;
  for (const auto& event : effects.members)
    out.push_back(event.change);
  return out;
}

/// Two nodes and one connection, both ways of which may be cut.
struct pair_world {
  membership a, b;
  steady_time now{};
  bool to_a = true, to_b = true, b_progresses = true;
  std::vector<member_event> seen_by_a, seen_by_b;

  explicit pair_world(membership_options first, membership_options second)
      : a(std::move(first)), b(std::move(second)) {}

  void connect(link_id link) {
    cluster_effects at_a, at_b;
    a.link_up(link, "b:1", now, at_a);
    b.link_up(link, "", now, at_b);
    carry(std::move(at_a), std::move(at_b));
  }

  /// What follows, until nothing does.
  void carry(cluster_effects at_a, cluster_effects at_b) {
    while (!at_a.messages.empty() || !at_b.messages.empty() || !at_a.members.empty() ||
           !at_b.members.empty() || !at_a.probes.empty() || !at_b.probes.empty()) {
      seen_by_a.insert(seen_by_a.end(), at_a.members.begin(), at_a.members.end());
      seen_by_b.insert(seen_by_b.end(), at_b.members.begin(), at_b.members.end());
      cluster_effects next_a, next_b;
      for (const auto& probe : at_a.probes)
        a.progressed(probe, next_a);
      for (const auto& probe : at_b.probes)
        if (b_progresses)
          b.progressed(probe, next_b);
      for (const auto& sent : at_a.messages)
        if (to_b)
          b.received(sent.link, sent.message, now, next_b);
      for (const auto& sent : at_b.messages)
        if (to_a)
          a.received(sent.link, sent.message, now, next_a);
      at_a = std::move(next_a);
      at_b = std::move(next_b);
    }
  }

  void pass(milliseconds time) {
    for (milliseconds gone{}; gone < time; gone += step) {
      now += step;
      cluster_effects at_a, at_b;
      a.tick(now, at_a);
      b.tick(now, at_b);
      carry(std::move(at_a), std::move(at_b));
    }
  }
};

} // namespace

TEST_CASE("nodes that greet each other are there, and stay", "[membership]") {
  pair_world world(options_of("a"), options_of("b"));
  world.connect(1);
  CHECK(world.a.members().contains("b"));
  CHECK(world.b.members().contains("a"));
  world.pass(milliseconds(20'000));
  CHECK(world.seen_by_a.size() == 1);
  CHECK(world.seen_by_b.size() == 1);
}

TEST_CASE("what goes only one way is no membership", "[membership]") {
  pair_world world(options_of("a"), options_of("b"));
  world.to_b = false;
  world.connect(1);
  CHECK(world.a.members().empty());
  CHECK(world.b.members().empty());
}

TEST_CASE("a node of another wire version is refused, the one before is not", "[membership]") {
  auto old = options_of("a"), next = options_of("b"), newest = options_of("b");
  old.self.version = old.self.version_min = 1;
  next.self.version = 2, next.self.version_min = 1;
  newest.self.version = 3, newest.self.version_min = 2;
  pair_world neighbours(old, next);
  neighbours.connect(1);
  CHECK(neighbours.a.members().contains("b"));
  pair_world strangers(old, newest);
  strangers.connect(1);
  CHECK(strangers.a.members().empty());
  CHECK(strangers.b.members().empty());
}

TEST_CASE("silence is suspected, then a death, once", "[membership]") {
  pair_world world(options_of("a"), options_of("b"));
  world.connect(1);
  world.pass(milliseconds(1000));
  world.to_a = world.to_b = false;
  world.pass(milliseconds(1500));
  REQUIRE(world.seen_by_a.size() == 2);
  CHECK(world.seen_by_a[1].change == member_change::suspected);
  world.pass(milliseconds(10'000));
  REQUIRE(world.seen_by_a.size() == 3);
  CHECK(world.seen_by_a[2].change == member_change::down);
  CHECK(world.seen_by_a[2].reason == down_reason::silent);
}

TEST_CASE("a node that makes no progress is given up, though it talks", "[membership]") {
  pair_world world(options_of("a"), options_of("b"));
  world.connect(1);
  world.pass(milliseconds(1000));
  world.b_progresses = false;
  world.pass(milliseconds(4000));
  REQUIRE(world.seen_by_a.size() == 3);
  CHECK(world.seen_by_a[2].reason == down_reason::no_progress);
}

TEST_CASE("who was thought dead comes back under a newer life", "[membership]") {
  pair_world world(options_of("a"), options_of("b"));
  world.connect(1);
  world.to_a = world.to_b = false;
  world.pass(milliseconds(4000));
  REQUIRE(world.a.members().empty());
  world.to_a = world.to_b = true;
  world.connect(2);
  world.pass(milliseconds(3000));
  world.connect(3);
  world.pass(milliseconds(1000));
  REQUIRE(world.a.members().contains("b"));
  CHECK(world.a.members().at("b").card.life.epoch + world.a.self().life.epoch >= 1);
  CHECK(world.b.members().contains("a"));
}

TEST_CASE("a refused connection is a death at once, a broken one is not", "[membership]") {
  membership node(options_of("a"));
  membership other(options_of("b"));
  pair_world world(options_of("a"), options_of("b"));
  world.connect(1);
  cluster_effects out;
  world.a.link_down(1, world.now, out);
  CHECK(out.members.empty());
  REQUIRE(out.dials == std::vector<std::string>{"b:1"});
  world.a.dial_failed("b:1", true, world.now, out);
  REQUIRE(changes(out) == std::vector{member_change::down});
  CHECK(out.members[0].reason == down_reason::refused);
}

TEST_CASE("the next process of a name replaces the one before", "[membership]") {
  pair_world world(options_of("a"), options_of("b", 7));
  world.connect(1);
  world.seen_by_a.clear();
  world.b = membership(options_of("b", 8));
  world.connect(2);
  REQUIRE(world.seen_by_a.size() == 2);
  CHECK(world.seen_by_a[0].change == member_change::down);
  CHECK(world.seen_by_a[0].reason == down_reason::replaced);
  CHECK(world.seen_by_a[1].card.life.incarnation == 8);
}

TEST_CASE("addresses are learned, bounded, and forgotten", "[membership]") {
  const steady_time start{};
  address_book book("me", {"first"}, {.addresses_max = 3, .forget_after = milliseconds(60'000)});
  for (const char* each : {"me", "", "x", "y", "z"})
    book.learn(each, start);
  CHECK(book.size() == 3);
  CHECK(book.due(start).size() == 3);
  CHECK(book.due(start).empty()); // being dialed
  book.met("x", start);
  CHECK(book.due(start + milliseconds(3000)) == std::vector<std::string>{"first", "y"});
  CHECK(book.due(start + milliseconds(70'000)) == std::vector<std::string>{"first"});
  CHECK(book.size() == 2); // y went; x has a connection
}
