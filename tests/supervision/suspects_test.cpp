#include "supervision/suspects.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

using namespace troupe;
using ids = std::vector<sequence_id>;

namespace {

bool everybody(sequence_id) {
  return true;
}

ids range(sequence_id first, sequence_id last) {
  ids out(last - first + 1);
  std::iota(out.begin(), out.end(), first);
  return out;
}

/// Rows of the next step of each group, as the planner forms them.
std::map<int32_t, ids> groups_of(const suspects& all, const ids& running) {
  std::map<int32_t, ids> out;
  for (auto id : running)
    out[all.of(id).group].push_back(id);
  return out;
}

} // namespace

TEST_CASE("one poison among 32 is found in seven fatal steps, and the others are cleared") {
  for (sequence_id poison : {1u, 16u, 17u, 32u, 23u}) {
    CAPTURE(poison);
    suspects found;
    auto running = range(1, 32);
    ids fatal = running, guilty;
    int crashes = 0;
    while (guilty.empty()) {
      REQUIRE(++crashes <= 7);
      guilty = found.crashed(fatal, everybody);
      found.restarted();
      if (!guilty.empty())
        break;
      CHECK(found.suspected(poison));
      // All groups without the poison get three tokens, then its group crashes.
      for (const auto& [group, members] : groups_of(found, running)) {
        if (std::find(members.begin(), members.end(), poison) != members.end()) {
          fatal = members;
          continue;
        }
        for (int token = 0; token < 3; ++token)
          for (auto id : members)
            found.advance(id);
      }
    }
    CHECK(crashes == 7); // 32, 16, 8, 4, 2, 1, 1
    CHECK(guilty == ids{poison});
    for (auto id : running)
      for (int token = 0; token < 3; ++token)
        found.advance(id);
    CHECK(groups_of(found, running).size() == 1); // nobody is apart any more
  }
}

TEST_CASE("only those in the fatal step are suspects, in two halves") {
  suspects found;
  CHECK(found.crashed({3, 4, 5}, everybody).empty());
  CHECK_FALSE(found.suspected(1));
  CHECK(found.of(3).group == found.of(4).group);
  CHECK(found.of(3).group != found.of(5).group);
  CHECK(found.of(5).group != 0);
  CHECK(found.of(3).apart_tokens == 3);
  CHECK(found.crashed({}, everybody).empty()); // a crash between two steps says nothing
}

TEST_CASE("a suspect is cleared by three tokens after its restart, not by fewer") {
  suspects found;
  found.crashed({1, 2}, everybody);
  found.restarted();
  found.advance(1);
  found.advance(1);
  found.restarted(); // somebody else's crash: what it lost then may be the place of its own
  found.advance(1);
  found.advance(1);
  CHECK(found.suspected(1));
  found.advance(1);
  CHECK_FALSE(found.suspected(1));
  CHECK(found.suspected(2));
}

TEST_CASE("a request alone in the engine has two attempts") {
  suspects found;
  CHECK(found.crashed({7}, everybody).empty());
  found.restarted();
  for (int token = 0; token < 50; ++token)
    found.advance(7);
  CHECK(found.crashed({7}, everybody) == ids{7}); // later, and alone again
  CHECK(found.size() == 0);
}

TEST_CASE("one that is left of a fatal step was not alone in it") {
  suspects found;
  const auto only_2 = [](sequence_id id) { return id == 2; };
  CHECK(found.crashed({1, 2}, only_2).empty()); // 1 was cancelled meanwhile, and may be the guilty one
  CHECK(found.crashed({2}, only_2).empty());
  CHECK(found.crashed({2}, only_2) == ids{2});
}

TEST_CASE(
    "cleared once and in a fatal step again: apart to its end, so that it crashes alone or not at all") {
  suspects found;
  const auto clear = [&](ids which) {
    found.restarted();
    for (auto id : which)
      for (int token = 0; token < 3; ++token)
        found.advance(id);
  };
  found.crashed({1, 2, 3}, everybody);
  clear({1, 2, 3});
  CHECK_FALSE(found.suspected(1));
  found.crashed({1, 2, 4}, everybody);
  clear({1, 2, 4});
  CHECK(found.suspected(1));
  CHECK(found.of(1).apart_tokens == std::numeric_limits<int32_t>::max());
  CHECK_FALSE(found.suspected(4)); // its first time
  CHECK(found.crashed({1}, everybody).empty());
  CHECK(found.crashed({1}, everybody) == ids{1});
  // The search that found it counts against nobody.
  CHECK(found.of(2).apart_tokens == 3);
  clear({2});
  CHECK_FALSE(found.suspected(2));
}

TEST_CASE("two guilty ones among eight are both found") {
  suspects found;
  auto running = range(1, 8);
  const std::set<sequence_id> poison{3, 4};
  ids fatal = running, all_guilty;
  for (int crashes = 0; crashes < 20 && !fatal.empty(); ++crashes) {
    for (auto id : found.crashed(fatal, everybody)) {
      all_guilty.push_back(id);
      std::erase(running, id);
    }
    found.restarted();
    fatal.clear();
    for (const auto& [group, members] : groups_of(found, running)) {
      if (std::any_of(members.begin(), members.end(), [&](auto id) { return poison.contains(id); })) {
        fatal = members;
        break;
      }
      for (auto id : members)
        for (int token = 0; token < 3; ++token)
          found.advance(id);
    }
  }
  std::sort(all_guilty.begin(), all_guilty.end());
  CHECK(all_guilty == ids{3, 4});
}
