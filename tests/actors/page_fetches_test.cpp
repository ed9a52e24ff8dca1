#include "tests/actors/planner_world.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <deque>

using namespace troupe;

namespace {

/// A planner's world with a second tier, which remembers what pages held when they were evicted.
struct tiered_world : planner_world {
  using store = std::map<std::pair<uint64_t, uint64_t>, std::array<token_id, page_tokens>>;
  static constexpr int32_t page_count = 12;

  explicit tiered_world(store& with) : planner_world(small_limits(), page_count), kept(with) {
    book.use_tier({.contains =
                       [this](const page_key& key) {
                         return kept.contains({key.high, key.low});
                       },
                   .keep = [this](const page_identity& identity, page_id page) { keep(identity, page); },
                   .read =
                       [this](const page_ticket& ticket, const page_identity& identity) {
                         if (reads.size() >= reads_max)
                           return false;
                         reads.push_back({ticket, identity});
                         return true;
                       },
                   .fill = [this](page_id page, std::span<const std::byte> bytes) { fill(page, bytes); }},
                  clock);
  }

  void keep(const page_identity& identity, page_id page) {
    auto& tokens = kept[{identity.key.high, identity.key.low}];
    for (int32_t at = 0; at < page_tokens; ++at)
      tokens[static_cast<size_t>(at)] = memory.at({page, at});
    CHECK(tokens == identity.tokens);
    CHECK(next_key(identity.parent, identity.tokens) == identity.key);
  }

  void fill(page_id page, std::span<const std::byte> bytes) {
    std::array<token_id, page_tokens> tokens;
    REQUIRE(bytes.size() == sizeof(tokens));
    std::memcpy(tokens.data(), bytes.data(), bytes.size());
    for (int32_t at = 0; at < page_tokens; ++at)
      memory[{page, at}] = tokens[static_cast<size_t>(at)];
  }

  void answer_read(bool good = true) {
    const auto [ticket, identity] = reads.front();
    reads.pop_front();
    const auto found = kept.find({identity.key.high, identity.key.low});
    std::span<const std::byte> bytes;
    if (good && found != kept.end())
      bytes = std::as_bytes(std::span(found->second));
    const bool news = book.take_page(ticket, bytes);
    book.check_conservation();
    if (news)
      act(planner.pages_arrived(clock.now()));
  }

  void expire_reads() {
    if (book.expire_reads())
      act(planner.pages_arrived(clock.now()));
    book.check_conservation();
  }

  /// Everything but reads.
  void run() {
    std::mt19937 random(1);
    while (turn(random))
      ;
  }

  void run_all() {
    run();
    while (!reads.empty()) {
      answer_read();
      run();
    }
  }

  store& kept;
  std::deque<std::pair<page_ticket, page_identity>> reads;
  size_t reads_max = 100;
};

std::vector<token_id> counting(token_id from, int32_t count) {
  std::vector<token_id> out;
  for (int32_t i = 0; i < count; ++i)
    out.push_back(from + i);
  return out;
}

/// A world whose second tier has the 5 full pages of counting(0, 80).
tiered_world::store filled_store() {
  tiered_world::store kept;
  tiered_world world(kept);
  world.submit(1, counting(0, 81), 1);
  world.run_all();
  world.submit(2, counting(500, 16 * tiered_world::page_count - 1), 1); // takes every page
  world.run_all();
  CHECK(world.answers[1] == world.expected(1));
  CHECK(kept.size() == 5);
  return kept;
}

} // namespace

TEST_CASE("evicted pages come back, also in another life") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(3, counting(0, 81), 4);
  world.run();
  CHECK(world.answers[3].empty()); // it waits
  CHECK(world.reads.size() == 5);
  world.run_all();
  CHECK(world.answers[3] == world.expected(3));
  CHECK(world.first_cached[3] == 80);
  CHECK(world.computed[3] == 81 - 80 + 3);
  CHECK_FALSE(world.book.reads());
}

TEST_CASE("the last token of a prompt is computed, whatever the tier has") {
  auto kept = filled_store();
  tiered_world world(kept);
  for (sequence_id id = 1; id <= 3; ++id) {
    world.submit(id, counting(0, 78 + static_cast<int32_t>(id)), 2); // 79, 80, 81
    world.run_all();
    CHECK(world.answers[id] == world.expected(id));
  }
  CHECK(world.first_cached[1] == 64);
  CHECK(world.first_cached[2] == 64);
  CHECK(world.first_cached[3] == 80);
}

TEST_CASE("a chain that begins in memory goes on in the tier") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(1, counting(0, 33), 1); // two pages
  world.run_all();
  CHECK(world.first_cached[1] == 32);
  world.submit(2, counting(0, 81), 2);
  world.run();
  CHECK(world.reads.size() == 3);
  world.run_all();
  CHECK(world.first_cached[2] == 80);
  CHECK(world.answers[2] == world.expected(2));
}

TEST_CASE("a page that cannot be read ends the beginning, and the rest is computed") {
  for (int good = 0; good < 5; ++good) {
    auto kept = filled_store();
    tiered_world world(kept);
    world.submit(1, counting(0, 81), 2);
    world.run();
    for (int i = 0; i < good; ++i)
      world.answer_read();
    world.answer_read(false);
    world.run();
    CHECK(world.answers[1] == world.expected(1));
    CHECK(world.first_cached[1] == 16 * good);
    while (!world.reads.empty()) // late ones change nothing
      world.answer_read();
    CHECK(world.book.used_pages() == 0);
  }
}

TEST_CASE("two sequences wait for one read, and others do not wait") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(1, counting(0, 81), 2);
  world.submit(2, counting(0, 81), 2);
  world.submit(3, counting(300, 20), 2);
  world.run();
  CHECK(world.answers[3] == world.expected(3));
  CHECK(world.answers[1].empty());
  CHECK(world.reads.size() == 5);
  world.run_all();
  for (sequence_id id : {1, 2}) {
    CHECK(world.answers[id] == world.expected(id));
    CHECK(world.first_cached[id] == 80);
  }
}

TEST_CASE("who is cancelled while it waits takes nothing along") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(1, counting(0, 81), 2);
  world.run();
  world.answer_read();
  world.act(world.planner.cancel(1, world.clock.now()));
  world.run_all();
  CHECK_FALSE(world.book.reads());
  CHECK(world.book.used_pages() == 0);
  world.submit(2, counting(0, 81), 2);
  world.run_all();
  CHECK(world.first_cached[2] == 80);
}

TEST_CASE("a read that never ends costs a second, once") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(1, counting(0, 81), 2);
  world.run();
  world.answer_read();
  world.answer_read();
  world.clock.advance(milliseconds(999));
  world.expire_reads();
  world.run();
  CHECK(world.answers[1].empty());
  world.clock.advance(milliseconds(2));
  world.expire_reads();
  world.run();
  CHECK(world.answers[1] == world.expected(1));
  CHECK(world.first_cached[1] == 32);
  // The tier rests now: nobody waits for it.
  world.submit(2, counting(500, 16 * tiered_world::page_count - 1), 1);
  world.run();
  world.reads.clear();
  world.submit(3, counting(0, 81), 2);
  world.run();
  CHECK(world.answers[3] == world.expected(3));
  CHECK(world.first_cached[3] == 0);
  world.submit(4, counting(500, 16 * tiered_world::page_count - 1), 1);
  world.run();
  world.clock.advance(milliseconds(31'000));
  world.submit(5, counting(0, 81), 2);
  world.run_all();
  CHECK(world.first_cached[5] == 80);
}

TEST_CASE("an engine whose only sequence waits for the tier is healthy") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.submit(1, counting(0, 81), 2);
  world.run();
  CHECK(world.answers[1].empty());
  world.act(world.planner.probe(world.clock.now()));
  world.run();
  CHECK(world.reports == 1);
  CHECK(world.canaries == 1);
  world.run_all();
  CHECK(world.answers[1] == world.expected(1));
}

TEST_CASE("a tier that refuses reads is no tier") {
  auto kept = filled_store();
  tiered_world world(kept);
  world.reads_max = 0;
  world.submit(1, counting(0, 81), 2);
  world.run();
  CHECK(world.answers[1] == world.expected(1));
  CHECK(world.first_cached[1] == 0);
  // With room for one read at a time it is a slow one.
  world.submit(2, counting(500, 16 * tiered_world::page_count - 1), 1);
  world.run();
  world.reads_max = 1;
  world.submit(3, counting(0, 81), 2);
  world.run_all();
  CHECK(world.answers[3] == world.expected(3));
  CHECK(world.first_cached[3] == 80);
}

TEST_CASE("any order of reads, failures, steps and cancels gives the same answers") {
  int64_t cached = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    tiered_world::store kept;
    for (int life = 0; life < 2; ++life) {
      tiered_world world(kept);
      world.reads_max = 1 + random() % 10;
      std::set<sequence_id> cancelled;
      sequence_id next = 1;
      while (true) {
        if (next <= 30 && random() % 4 == 0) {
          auto prompt =
              counting(static_cast<token_id>(100 * (random() % 3)), 20 + static_cast<int32_t>(random() % 90));
          if (random() % 3 == 0)
            prompt[random() % prompt.size()] = 7;
          world.submit(next++, std::move(prompt), 1 + static_cast<int32_t>(random() % 20));
        } else if (next > 1 && random() % 40 == 0) {
          const auto id = 1 + random() % (next - 1);
          if (static_cast<int32_t>(world.answers[id].size()) < world.limits[id])
            cancelled.insert(id);
          world.act(world.planner.cancel(id, world.clock.now()));
        } else if (!world.reads.empty() && random() % 2 == 0) {
          world.answer_read(random() % 8 != 0);
        } else if (!world.reads.empty() && random() % 200 == 0) {
          world.reads.pop_front(); // lost
        } else if (!world.turn(random)) {
          if (world.book.reads()) {
            world.clock.advance(milliseconds(100));
            world.expire_reads();
          } else if (next > 30) {
            break;
          }
        }
      }
      for (sequence_id id = 1; id < next; ++id) {
        CHECK((cancelled.contains(id) || world.answers[id] == world.expected(id)));
        cached += world.first_cached[id];
      }
      CHECK(world.book.used_pages() == 0);
    }
  }
  CHECK(cached > 10'000);
}
