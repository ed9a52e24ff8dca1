#include "base/check.hpp"
#include "kernels/cpu/thread_pool.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>
#include <stdexcept>

using namespace troupe;

TEST_CASE("every task runs exactly once", "[thread_pool]") {
  for (int threads : {-1, 1, 2, 5}) {
    thread_pool pool(threads);
    CHECK(pool.threads() == (threads < 1 ? 1 : threads));
    for (size_t count : {0, 1, 2, 3, 64, 1000}) {
      std::vector<std::atomic<int>> runs(count);
      pool.run(count, [&](size_t index) { ++runs[index]; });
      CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }));
    }
  }
}

TEST_CASE("more tasks than one batch holds", "[thread_pool]") {
  thread_pool pool(3);
  const size_t count = 600'000; // a batch is 2^18 - 1
  std::atomic<uint64_t> sum{0};
  pool.run(count, [&](size_t index) { sum += index; });
  CHECK(sum == uint64_t{count} * (count - 1) / 2);
}

TEST_CASE("many short runs in a row lose nothing", "[thread_pool]") {
  thread_pool pool(4);
  uint64_t total = 0;
  for (size_t round = 0; round < 20'000; ++round) {
    uint64_t parts[3] = {};
    pool.run(3, [&](size_t index) { parts[index] = round + index; });
    total += parts[0] + parts[1] + parts[2];
  }
  CHECK(total == 3 * (uint64_t{20'000} * 19'999 / 2) + 3 * 20'000);
}

TEST_CASE("a task's exception reaches the caller, and the pool goes on", "[thread_pool]") {
  for (int threads : {1, 3}) {
    thread_pool pool(threads);
    std::atomic<int> ran{0};
    CHECK_THROWS_AS(pool.run(50,
                             [&](size_t index) {
                               ++ran;
                               if (index % 10 == 7)
                                 throw std::runtime_error("task");
                             }),
                    std::runtime_error);
    CHECK(ran == 50);
    pool.run(5, [&](size_t) { ++ran; });
    CHECK(ran == 55);
  }
}

TEST_CASE("a run inside a run is refused", "[thread_pool]") {
  thread_pool pool(2);
  CHECK_THROWS_AS(pool.run(2, [&](size_t) { pool.run(1, [](size_t) {}); }), broken_invariant);
  int ran = 0;
  pool.run(1, [&](size_t) { ++ran; });
  CHECK(ran == 1);
}
