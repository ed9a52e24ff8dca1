#include "base/check.hpp"
#include "memory/block_tables.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace troupe;

TEST_CASE("a pool gives each page once and all or nothing") {
  page_pool pool(7);
  auto first = pool.allocate(5);
  REQUIRE(first);
  CHECK(std::set<page_id>(first->begin(), first->end()).size() == 5);
  auto second = pool.allocate(3);
  REQUIRE_FALSE(second);
  CHECK(second.error().is(page_error::out_of_pages));
  CHECK(second.error().message == "need 3 pages, have 2");
  CHECK(pool.free_pages() == 2);
  auto third = pool.allocate(8);
  REQUIRE_FALSE(third);
  CHECK(third.error().is(page_error::too_large));
  pool.release(*first);
  CHECK(pool.free_pages() == 7);
  pool.check_conservation();
}

TEST_CASE("a shared page is free after its last reference") {
  page_pool pool(2);
  auto page = *pool.allocate(1);
  pool.add_reference(page[0]);
  pool.release(page);
  CHECK(pool.free_pages() == 1);
  pool.release(page);
  CHECK(pool.free_pages() == 2);
  CHECK_THROWS_AS(pool.release(page), broken_invariant);
  CHECK_THROWS_AS(pool.add_reference(page[0]), broken_invariant);
}

TEST_CASE("a block table grows by whole pages") {
  page_pool pool(4);
  block_tables tables(pool);
  CHECK(tables.grow(1, 1)->size() == 1);
  CHECK(tables.grow(1, page_tokens)->empty());
  CHECK(tables.grow(1, page_tokens + 1)->size() == 1);
  CHECK_FALSE(tables.grow(2, 3 * page_tokens));
  CHECK(tables.sequences() == 1);
  tables.check_conservation();
  tables.release(1);
  tables.release(1);
  tables.release(99);
  CHECK(pool.used_pages() == 0);
}

TEST_CASE("pages are conserved over random growth and release") {
  std::mt19937 random(42);
  page_pool pool(97);
  block_tables tables(pool);
  for (int i = 0; i < 5000; ++i) {
    const sequence_id id = random() % 12;
    if (random() % 3 == 0)
      tables.release(id);
    else
      (void)tables.grow(id, 1 + static_cast<int32_t>(random() % 400));
    tables.check_conservation();
  }
  for (sequence_id id = 0; id < 12; ++id)
    tables.release(id);
  CHECK(pool.free_pages() == pool.total_pages());
}
