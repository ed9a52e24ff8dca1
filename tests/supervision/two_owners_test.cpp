#include "supervision/cluster/cluster_node.hpp"
#include "tests/supervision/ledger_world.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace troupe;
using namespace troupe::test;

namespace {

cluster_options options_of(const std::string& name) {
  cluster_options out;
  out.membership.self = {.name = name, .life = {1, 0}, .numeric_class = 1, .address = name};
  return out;
}

/// Two nodes whose engines compute nothing, and what they say to each other, of which some may be lost.
struct two_nodes {
  manual_clock clock;
  cluster_node a{options_of("a"), letters, clock}, b{options_of("b"), letters, clock};
  std::function<bool(const wire_body&)> lost = [](const wire_body&) { return false; };
  link_id link = 0;
  int accepted = 0;

  void carry(cluster_effects at_a, cluster_effects at_b) {
    for (bool more = true; more;) {
      cluster_effects next_a, next_b;
      more = pass(at_a, a, next_a, b, next_b);
      more = pass(at_b, b, next_b, a, next_a) || more;
      at_a = std::move(next_a);
      at_b = std::move(next_b);
    }
  }

  /// Does what `from` wants done; what follows is added.
  bool pass(const cluster_effects& said, cluster_node& from, cluster_effects& from_next, cluster_node& to,
            cluster_effects& to_next) {
    const auto add = [](cluster_effects& into, cluster_effects more) {
      std::ranges::move(more.messages, std::back_inserter(into.messages));
      std::ranges::move(more.probes, std::back_inserter(into.probes));
      std::ranges::move(more.answers, std::back_inserter(into.answers));
    };
    for (const auto& answer : said.answers)
      accepted += std::holds_alternative<accepted_response>(answer.outcome);
    for (const auto& probe : said.probes)
      add(from_next, from.progressed(probe));
    for (const auto& sent : said.messages)
      if (sent.link == link && !lost(sent.message.body))
        add(to_next, to.received(link, sent.message));
    return !said.messages.empty() || !said.probes.empty() || !said.answers.empty();
  }

  void connect() {
    ++link;
    auto at_a = a.link_up(link, "b");
    carry(std::move(at_a), b.link_up(link, ""));
  }

  void run(int64_t ms) {
    for (; ms > 0; ms -= 100) {
      clock.advance(milliseconds(100));
      auto at_a = a.tick();
      carry(std::move(at_a), b.tick());
    }
  }

  /// A request that `a` has accepted, and of which `b` has a copy.
  void submit() {
    connect();
    open_entry request;
    request.response_id = "r";
    request.spec.prompt = {1, 2, 3};
    request.spec.max_tokens = 100;
    request.timeout_ms = 60'000;
    request.resume = {.owner = "key", .stream_token = "t", .token_optional = false, .door_state = ""};
    carry(a.submit(std::move(request), 1, 1), {});
    run(200);
    REQUIRE(accepted == 1);
    REQUIRE(b.copies().complete("r"));
  }
};

} // namespace

TEST_CASE("two owners meet, though the first announcements after a partition are lost", "[replication]") {
  two_nodes world;
  world.submit();
  world.lost = [](const wire_body&) { return true; };
  world.run(4000);
  REQUIRE(world.b.members().members().empty());
  REQUIRE(world.a.ledger().owned().contains("r"));
  REQUIRE(world.b.ledger().owned().contains("r"));

  // They see each other again, and what they say of their entries breaks off with the connection.
  world.lost = [](const wire_body& body) { return std::holds_alternative<announce>(body); };
  world.connect();
  world.run(1500);
  REQUIRE(world.b.members().members().contains("a"));
  REQUIRE(world.b.ledger().owned().contains("r"));

  world.lost = [](const wire_body&) { return false; };
  world.run(3000);
  CHECK(world.a.ledger().owned().contains("r")); // its reader is here
  CHECK_FALSE(world.b.ledger().owned().contains("r"));
  CHECK(world.b.copies().complete("r"));
}

TEST_CASE("the old home stays the buddy, though only the announcement tells it that a move arrived",
          "[replication]") {
  two_nodes world;
  world.submit();
  world.lost = [](const wire_body& body) {
    const auto* ack = std::get_if<entry_ack>(&body);
    return ack && ack->purpose == transfer_purpose::move && ack->answer == transfer_answer::held;
  };
  world.carry({}, world.b.attach({"r", "key", "t", -1}, 2, 2));
  world.run(1000);
  CHECK(world.accepted == 2);
  CHECK(world.b.ledger().owned().contains("r"));
  CHECK_FALSE(world.a.ledger().owned().contains("r"));
  CHECK(world.a.copies().complete("r"));
}
