#include "base/check.hpp"
#include "cli/percentile.hpp"

#include <catch2/catch.hpp>
#include <numeric>

using namespace troupe;

TEST_CASE("nearest rank takes a value that was measured") {
  // The example of the definition: 15, 20, 35, 40, 50.
  std::vector<double> values{15, 20, 35, 40, 50};
  CHECK(percentile(values, 5) == 15);
  CHECK(percentile(values, 20) == 15);
  CHECK(percentile(values, 21) == 20);
  CHECK(percentile(values, 40) == 20);
  CHECK(percentile(values, 50) == 35);
  CHECK(percentile(values, 100) == 50);
}

TEST_CASE("the percentiles of 1 to 100 are themselves") {
  // Computed in floating point, 7 % of 100 would have rank 8.
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1.0);
  for (int percent = 1; percent <= 100; ++percent)
    CHECK(percentile(values, percent) == percent);
}

TEST_CASE("one value is every percentile, none is a broken invariant") {
  std::vector<double> one{7};
  CHECK(percentile(one, 1) == 7);
  CHECK(percentile(one, 99) == 7);
  CHECK_THROWS_AS(percentile({}, 50), broken_invariant);
  CHECK_THROWS_AS(percentile(one, 0), broken_invariant);
  CHECK_THROWS_AS(percentile(one, 101), broken_invariant);
}

TEST_CASE("a summary sorts by itself") {
  summary out = summarize({4, 1, 3, 2});
  CHECK(out.count == 4);
  CHECK(out.mean == 2.5);
  CHECK(out.minimum == 1);
  CHECK(out.p50 == 2);
  CHECK(out.p90 == 4);
  CHECK(out.maximum == 4);
  CHECK(summarize({}).count == 0);
}
