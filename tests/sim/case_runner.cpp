#include "tests/sim/case_runner.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <mutex>
#include <thread>

namespace troupe::sim {

namespace {

constexpr size_t failures_max = 5; // more of the same kind help nobody

std::optional<int64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::optional(std::strtoll(text, nullptr, 10)) : std::nullopt;
}

} // namespace

cases_run run_cases(const std::shared_ptr<const language_model>& model, int64_t count, uint64_t first_seed,
                    const case_bounds& bounds) {
  const auto begin = std::chrono::steady_clock::now();
  const auto only = number_from("TROUPE_SIM_SEED");
  const auto first = only ? static_cast<uint64_t>(*only) : first_seed;
  const auto cases = only ? 1 : number_from("TROUPE_SIM_CASES").value_or(count);
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::vector<std::string> failures;
  cases_run out;
  const auto work = [&] {
    for (auto index = next++; index < cases; index = next++) {
      try {
        const auto counted = run_case(model, first + static_cast<uint64_t>(index), bounds);
        const std::scoped_lock lock(mutex);
        ++out.cases;
        out.sum += counted;
      } catch (const std::exception& failure) {
        const std::scoped_lock lock(mutex);
        failures.push_back(failure.what());
        if (failures.size() >= failures_max)
          next = cases;
      }
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
  const auto& sum = out.sum;
  std::cout << fmt::format("{} cases, seeds {} to {}, in {:.1f} s: {} events, {} steps ({} of suspects), {} "
                           "requests, {} completed ({} by an "
                           "end token), {} cancelled, {} past their deadline, {} quarantined, {} readers "
                           "came back, {} preemptions, {} cached "
                           "tokens, {} waits for another's page, {} engine restarts, {} fatal steps, {} "
                           "stale tokens, {} canaries\n",
                           out.cases, first, first + static_cast<uint64_t>(cases) - 1, out.seconds,
                           sum.events, sum.steps, sum.apart, sum.accepted, sum.completed, sum.stopped,
                           sum.cancelled, sum.late, sum.failed, sum.resumed, sum.preempted, sum.cached_tokens,
                           sum.page_waits, sum.restarts, sum.fatal_steps, sum.stale_tokens, sum.canaries);
  return out;
}

} // namespace troupe::sim
