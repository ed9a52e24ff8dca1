#include "memory/prefix_index.hpp"

#include "base/check.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

using namespace troupe;

namespace {

const page_key root = root_key(7, "tenant", "");

std::vector<token_id> counting(int32_t first, int32_t count) {
  std::vector<token_id> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

/// Computes the whole chain: finds what is there, allocates the rest, publishes it. Returns its pages.
std::vector<page_id> compute(prefix_index& index, const page_chain& chain) {
  auto pages = index.acquire(chain, static_cast<int32_t>(chain.keys.size()));
  const auto found = pages.size();
  const auto rest = index.allocate(static_cast<int32_t>(chain.keys.size() - found));
  REQUIRE(rest);
  pages.insert(pages.end(), rest->begin(), rest->end());
  for (auto i = found; i < pages.size(); ++i)
    CHECK(index.publish(chain.root, chain.parent_of(i), chain.keys[i], chain.tokens_of(i), pages[i]));
  return pages;
}

int32_t found(prefix_index& index, const page_chain& chain) {
  const auto pages = index.acquire(chain, 1000);
  index.release(pages);
  return static_cast<int32_t>(pages.size());
}

} // namespace

TEST_CASE("a key depends on the class, the tenant, the salt and every token before it") {
  const auto tokens = counting(1, 48);
  const auto chain = page_chain::of(root, tokens);
  REQUIRE(chain.keys.size() == 3);
  CHECK(page_chain::of(root, std::span(tokens).first(47)).keys.size() == 2);
  CHECK(page_chain::of(root, tokens).keys == chain.keys);
  for (const auto& other : {root_key(8, "tenant", ""), root_key(7, "tenan", "t"), root_key(7, "", "tenant"),
                            root_key(7, "other", ""), root_key(7, "tenant", "salt")}) {
    CHECK_FALSE(other == root);
    for (size_t i = 0; i < 3; ++i)
      CHECK_FALSE(page_chain::of(other, tokens).keys[i] == chain.keys[i]);
  }
  for (size_t changed = 0; changed < 48; ++changed) {
    auto near = tokens;
    ++near[changed];
    const auto keys = page_chain::of(root, near).keys;
    for (size_t i = 0; i < 3; ++i)
      CHECK((keys[i] == chain.keys[i]) == (changed >= (i + 1) * page_tokens));
  }
}

TEST_CASE("published pages are found, by whoever has the same beginning and nobody else") {
  page_pool pool(10);
  prefix_index index(pool);
  const auto chain = page_chain::of(root, counting(1, 64));
  CHECK(found(index, chain) == 0);
  const auto pages = compute(index, chain);
  CHECK(index.acquire(chain, 3) == std::vector<page_id>(pages.begin(), pages.begin() + 3));
  index.release({pages.data(), 3});
  auto longer = counting(1, 80);
  CHECK(found(index, page_chain::of(root, longer)) == 4);
  longer[40] = 7;
  CHECK(found(index, page_chain::of(root, longer)) == 2);
  CHECK(found(index, page_chain::of(root_key(7, "other", ""), counting(1, 64))) == 0);
  index.release(pages);
  CHECK(pool.idle_pages() == 4);
  CHECK(found(index, chain) == 4);
  index.check_conservation();
}

TEST_CASE("a key without the tokens that belong to it finds nothing") {
  page_pool pool(10);
  prefix_index index(pool);
  const auto chain = page_chain::of(root, counting(1, 32));
  compute(index, chain);
  auto collision = chain;
  collision.tokens[3] = 999; // as if two token lists had one key
  CHECK(found(index, collision) == 0);
  collision = chain;
  collision.tokens[20] = 999;
  CHECK(found(index, collision) == 1);
  const auto page = index.allocate(1);
  CHECK_FALSE(index.publish(root, root, chain.keys[0], collision.tokens_of(1), page->front()));
}

TEST_CASE("the least recently used page goes first, and of a chain its end") {
  page_pool pool(6);
  prefix_index index(pool);
  std::vector<page_key> evicted;
  index.on_evict([&](const page_identity& gone, page_id) { evicted.push_back(gone.key); });
  const auto first = page_chain::of(root, counting(1, 48)), second = page_chain::of(root, counting(500, 48));
  index.release(compute(index, first));
  index.release(compute(index, second));
  CHECK(pool.free_pages() == 0);
  CHECK(found(index, first) == 3); // used again: the second is older now
  const auto taken = index.allocate(2);
  REQUIRE(taken);
  CHECK(found(index, second) == 1);
  CHECK(found(index, first) == 3);
  CHECK(evicted == std::vector<page_key>{second.keys[2], second.keys[1]});
  CHECK(index.evictions() == 2);
  index.check_conservation();
  CHECK_FALSE(index.allocate(5)); // refused without a loss
  CHECK(found(index, first) == 3);
  REQUIRE(index.allocate(4));
  CHECK(index.pages() == 0);
  CHECK(pool.used_pages() == 6);
}

TEST_CASE("a page in use is never evicted") {
  page_pool pool(4);
  prefix_index index(pool);
  const auto chain = page_chain::of(root, counting(1, 48));
  const auto pages = compute(index, chain);
  CHECK_FALSE(index.allocate(2));
  index.release({pages.data() + 1, 2});
  CHECK(index.allocate(3).has_value());
  CHECK(found(index, chain) == 1);
  index.check_conservation();
}

TEST_CASE("of two pages with one content one is found, and none of them is lost") {
  page_pool pool(8);
  prefix_index index(pool);
  const auto chain = page_chain::of(root, counting(1, 48));
  const auto mine = compute(index, chain);
  const auto twin = *index.allocate(2);
  for (size_t i = 0; i < 2; ++i)
    CHECK(index.publish(root, chain.parent_of(i), chain.keys[i], chain.tokens_of(i), twin[i]));
  index.check_conservation();
  CHECK(index.acquire(chain, 2) == std::vector<page_id>(mine.begin(), mine.begin() + 2));
  index.release({mine.data(), 2});
  index.release(mine);
  CHECK(pool.idle_pages() == 3);
  // Nobody uses the first one any more: the twin takes its place, and a page is free again.
  CHECK(index.publish(root, root, chain.keys[0], chain.tokens_of(0), twin[0]));
  CHECK(pool.idle_pages() == 2);
  CHECK(index.acquire(chain, 1) == std::vector<page_id>{twin[0]});
  index.release({twin.data(), 1});
  index.release(twin);
  index.check_conservation();
  CHECK(pool.used_pages() == 0);
}

TEST_CASE("where a chain lost its beginning, the rest can no longer be found and is not lost") {
  page_pool pool(4);
  prefix_index index(pool);
  const auto chain = page_chain::of(root, counting(1, 48));
  const auto pages = compute(index, chain);
  index.release({pages.data(), 1}); // as a sliding window would
  REQUIRE(index.allocate(2));       // the idle page goes, although others hang on it
  CHECK(found(index, chain) == 0);
  index.check_conservation();
  const auto next = page_chain::of(root, counting(1, 64));
  CHECK_FALSE(index.publish(root, next.keys[2], next.keys[3], next.tokens_of(3), pages[2]));
  index.release({pages.data() + 1, 2});
  CHECK(pool.free_pages() == 2);
  index.check_conservation();
}

TEST_CASE("pages are conserved, and found with their own content, over random chains") {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    page_pool pool(60);
    prefix_index index(pool);
    std::map<page_id, page_key> content;
    std::vector<std::vector<page_id>> held;
    for (int i = 0; i < 400; ++i) {
      if (!held.empty() && random() % 2 == 0) {
        const auto at = random() % held.size();
        index.release(held[at]);
        held.erase(held.begin() + static_cast<ptrdiff_t>(at));
        continue;
      }
      // Few tokens: many equal beginnings.
      std::vector<token_id> tokens(16 * (1 + random() % 8));
      for (size_t at = 0; at < tokens.size(); ++at)
        tokens[at] = at % 16 == 0 ? static_cast<token_id>(random() % 2) : 0;
      const auto chain = page_chain::of(root, tokens);
      auto pages = index.acquire(chain, 100);
      for (size_t page = 0; page < pages.size(); ++page)
        REQUIRE(content[pages[page]] == chain.keys[page]);
      const auto known = pages.size();
      const auto rest = index.allocate(static_cast<int32_t>(chain.keys.size() - known));
      if (!rest) {
        index.release(pages);
        continue;
      }
      pages.insert(pages.end(), rest->begin(), rest->end());
      for (auto page = known; page < pages.size(); ++page) {
        content[pages[page]] = chain.keys[page];
        if (!index.publish(root, chain.parent_of(page), chain.keys[page], chain.tokens_of(page), pages[page]))
          break;
      }
      held.push_back(std::move(pages));
      index.check_conservation();
    }
    for (const auto& pages : held)
      index.release(pages);
    index.check_conservation();
    CHECK(pool.used_pages() == 0);
  }
}
