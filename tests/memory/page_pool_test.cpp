#include "base/check.hpp"
#include "memory/page_pool.hpp"

#include <catch2/catch.hpp>

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

TEST_CASE("a kept page is idle without references, and free once it is forgotten") {
  page_pool pool(3);
  const auto pages = *pool.allocate(2);
  pool.keep(pages[0]);
  CHECK_THROWS_AS(pool.keep(pages[0]), broken_invariant);
  pool.release(pages);
  CHECK(pool.free_pages() == 2);
  CHECK(pool.idle_pages() == 1);
  CHECK(pool.used_pages() == 0);
  pool.check_conservation();
  pool.add_reference(pages[0]);
  CHECK(pool.idle_pages() == 0);
  CHECK(pool.used_pages() == 1);
  pool.forget(pages[0]);
  CHECK(pool.used_pages() == 1);
  pool.release({pages.data(), 1});
  CHECK(pool.free_pages() == 3);
  CHECK_THROWS_AS(pool.forget(pages[0]), broken_invariant);
  pool.check_conservation();
}
