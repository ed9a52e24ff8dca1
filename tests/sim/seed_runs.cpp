#include "tests/sim/seed_runs.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::sim {

namespace {

constexpr size_t failures_max = 5; // more of the same kind help nobody

std::string failure_of(const run_seed& run, uint64_t seed, bool alone) {
  try {
    return run(seed, alone);
  } catch (const std::exception& failure) {
    return fmt::format("{}\nseed {}", failure.what(), seed);
  }
}

} // namespace

std::optional<int64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::optional(std::strtoll(text, nullptr, 10)) : std::nullopt;
}

seed_runs run_seeds(uint64_t first, int64_t count, const run_seed& run) {
  const auto begin = std::chrono::steady_clock::now();
  const auto only = number_from("TROUPE_SIM_SEED");
  seed_runs out;
  out.alone = only.has_value();
  out.first = only ? static_cast<uint64_t>(*only) : first;
  out.cases = only ? 1 : number_from("TROUPE_SIM_CASES").value_or(count);
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::vector<std::string> failures;
  const auto work = [&] {
    for (auto index = next++; index < out.cases; index = next++) {
      auto failure = failure_of(run, out.first + static_cast<uint64_t>(index), out.alone);
      if (failure.empty())
        continue;
      const std::scoped_lock lock(mutex);
      if (failures.size() < failures_max)
        failures.push_back(std::move(failure));
      if (failures.size() >= failures_max)
        next = out.cases;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back(work);
  work();
  for (auto& thread : threads)
    thread.join();
  for (const auto& failure : failures)
    FAIL_CHECK(failure);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

} // namespace troupe::sim
