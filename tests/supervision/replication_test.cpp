#include "supervision/cluster/entry_sender.hpp"
#include "supervision/cluster/replica_store.hpp"
#include "supervision/cluster/routing.hpp"
#include "supervision/cluster/stable_hash.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <map>

using namespace troupe;

namespace {

entry_record record_of(const std::string& id, size_t prompt_tokens) {
  entry_record out;
  out.id = out.request.response_id = id;
  out.epoch.owner = {1, "home"};
  out.request.spec.prompt.assign(prompt_tokens, 3);
  out.request.spec.max_tokens = 100;
  out.deadline = steady_time{} + milliseconds(60'000);
  return out;
}

/// Delivers what a sender says to a store, and the answers back. Returns the largest prompt part, in bytes.
size_t carry(cluster_effects& said, replica_store& store, entry_sender& sender, steady_time now) {
  size_t largest = 0;
  cluster_effects answers;
  for (const auto& each : said.sends) {
    if (const auto* head = std::get_if<entry_head>(&each.body))
      store.take("home", *head, now, answers);
    if (const auto* part = std::get_if<entry_prompt>(&each.body)) {
      largest = std::max(largest, part->tokens.size() * sizeof(token_id));
      store.take(*part, answers);
    }
    if (const auto* part = std::get_if<entry_tokens>(&each.body))
      store.take(*part, answers);
  }
  said.sends.clear();
  for (const auto& each : answers.sends)
    sender.acknowledged(std::get<entry_ack>(each.body));
  return largest;
}

} // namespace

TEST_CASE("a long prompt reaches the buddy in parts, though messages are lost", "[replication]") {
  replica_store store({});
  auto record = record_of("r", 500'000);
  entry_sender sender({.target = "buddy", .epoch = record.epoch});
  steady_time now{};
  size_t largest = 0;
  int round = 0;
  for (; !sender.held() && round < 100; ++round, now += milliseconds(400)) {
    cluster_effects out;
    sender.pump(record, now, out);
    if (round % 2 == 0 && !out.sends.empty())
      out.sends.erase(out.sends.begin() + static_cast<long>(out.sends.size() / 2));
    largest = std::max(largest, carry(out, store, sender, now));
  }
  CHECK(sender.held());
  CHECK(largest <= wire_payload_bytes_max);
  CHECK(largest > 100'000);
  REQUIRE(store.complete("r"));
  CHECK(store.find("r")->request.spec.prompt == record.request.spec.prompt);

  // Tokens lag, and arrive.
  for (int32_t i = 0; i < 5; ++i)
    record.emitted.push_back({.position = i, .token = i});
  cluster_effects out;
  sender.pump(record, now, out);
  carry(out, store, sender, now);
  CHECK(store.find("r")->emitted.size() == 5);
  CHECK(sender.up_to_date(record));
}

TEST_CASE("copies have a bound, in number and in bytes", "[replication]") {
  replica_store store({.copies_max = 2, .bytes_max = 1 << 20});
  const auto answer_to = [&](const std::string& id, uint32_t prompt) {
    entry_head head{.id = id, .epoch = {{1, "home"}, 0}, .prompt_tokens = prompt};
    cluster_effects out;
    store.take("home", head, {}, out);
    return std::get<entry_ack>(out.sends.at(0).body).answer;
  };
  CHECK(answer_to("big", 300'000) == transfer_answer::refused);
  CHECK(answer_to("a", 10) == transfer_answer::partial);
  CHECK(answer_to("b", 10) == transfer_answer::partial);
  CHECK(answer_to("c", 10) == transfer_answer::refused);
  CHECK(store.bytes() <= 1 << 20);
  cluster_effects out;
  store.take("home", entry_drop{transfer_purpose::copy, "a", {{1, "home"}, 0}}, out);
  CHECK(answer_to("c", 10) == transfer_answer::partial);
  store.tick(steady_time{} + milliseconds(10'000'000));
  CHECK(store.copies() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("a committed copy is run when its home dies, another waits to be asked for", "[replication]") {
  replica_store store({});
  for (const bool committed : {true, false}) {
    entry_head head{.id = committed ? "run" : "wait", .epoch = {{1, "home"}, 0}};
    head.notes.committed = committed;
    cluster_effects out;
    store.take("home", head, {}, out);
  }
  const auto run = store.orphaned("home");
  REQUIRE(run.size() == 1);
  CHECK(run[0].id == "run");
  CHECK(store.waiting("wait") != nullptr);
  CHECK(store.orphaned("home").empty());
}

TEST_CASE("an older owner is fenced", "[replication]") {
  replica_store store({});
  cluster_effects out;
  store.take("new", entry_head{.id = "r", .epoch = {{3, "new"}, 0}}, {}, out);
  store.take("old", entry_head{.id = "r", .epoch = {{2, "old"}, 0}}, {}, out);
  const auto ack = std::get<entry_ack>(out.sends.at(1).body);
  CHECK(ack.answer == transfer_answer::fenced);
  CHECK(ack.newest == ownership{3, "new"});
}

TEST_CASE("rendezvous hashing spreads, and only the keys of who goes move", "[replication]") {
  const auto best = [](const std::string& key, const std::vector<std::string>& nodes) {
    return *std::ranges::max_element(nodes, {},
                                     [&](const auto& node) { return rendezvous_score(key, node); });
  };
  std::map<std::string, int> load;
  for (int i = 0; i < 3000; ++i) {
    const auto key = fmt::format("resp_{}", i);
    const auto before = best(key, {"a", "b", "c"});
    ++load[before];
    if (before != "c")
      CHECK(best(key, {"a", "b"}) == before);
  }
  for (const auto& [node, count] : load)
    CHECK((count > 850 && count < 1150));
}

TEST_CASE("routing: the class, then the prefix, then the load", "[replication]") {
  membership_options options;
  options.self = {.name = "me", .life = {1, 0}, .numeric_class = 1, .address = "me"};
  membership members(options);
  const auto join = [&](const std::string& name, uint64_t numeric_class, node_status status_there) {
    static link_id link = 0;
    cluster_effects out;
    const node_card card{.name = name, .life = {1, 0}, .numeric_class = numeric_class, .address = name};
    members.link_up(++link, "", {}, out);
    members.received(link, {{}, hello{card, node_life{1, 0}, {}}}, {}, out);
    members.received(link, {{.from = {1, 0}, .to = {1, 0}}, ping{1, std::move(status_there), {}}}, {}, out);
  };
  routing routes(members);
  route_query query{.id = "r", .numeric_class = 1, .prefixes = {11, 22, 33}};
  routes.set_own_status({.running = 3, .capacity = 4});
  join("idle", 1, {.capacity = 4});
  join("other", 2, {.capacity = 4});
  CHECK(*routes.pick(query) == "idle");
  join("cached", 1, {.running = 4, .waiting = 8, .capacity = 4, .prefixes = {11, 22}});
  CHECK(*routes.pick(query) == "cached");
  join("longer", 1, {.running = 4, .waiting = 9, .capacity = 4, .prefixes = {33}});
  CHECK(*routes.pick(query) == "longer");
  join("full", 1, {.running = 4, .waiting = 40, .capacity = 4, .prefixes = {11, 22, 33}});
  CHECK(*routes.pick(query) == "longer");
  query.excluded = {"longer", "cached"};
  CHECK(*routes.pick(query) == "idle");
  for (int i = 0; i < 4; ++i)
    routes.sent("idle"); // a burst spreads before the next status
  CHECK(*routes.pick(query) == "me");
  join("drained", 1, {.draining = true, .capacity = 4, .prefixes = {11, 22, 33}});
  CHECK(*routes.pick(query) == "me");
  query.numeric_class = 3;
  CHECK(routes.pick(query).error().is(cluster_error::no_node_of_class));
}
