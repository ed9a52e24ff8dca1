#include "tests/sim/cluster_case.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

using namespace troupe::sim;

namespace {

constexpr int64_t cases_default = 10'000;
constexpr size_t failures_max = 5; // more of the same kind help nobody
constexpr size_t trace_lines_max = 20'000;

std::optional<int64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::optional(std::strtoll(text, nullptr, 10)) : std::nullopt;
}

std::string last_lines(const std::string& text, size_t lines) {
  auto at = text.size();
  for (size_t i = 0; i <= lines && at != std::string::npos && at > 0; ++i)
    at = text.rfind('\n', at - 1);
  return at == std::string::npos || at == 0 ? text : text.substr(at + 1);
}

std::string describe(uint64_t seed, const cluster_case& ran, bool whole) {
  std::string out;
  for (const auto& sentence : ran.broken)
    out += sentence + "\n";
  out += fmt::format("rerun it with TROUPE_SIM_SEED={}\n", seed);
  return whole ? out + last_lines(trace_of(ran), trace_lines_max) : out;
}

} // namespace

TEST_CASE("a cluster keeps its promises, whatever happens to it", "[cluster]") {
  const auto begin = std::chrono::steady_clock::now();
  const auto only = number_from("TROUPE_SIM_SEED");
  const auto first = static_cast<uint64_t>(only.value_or(number_from("TROUPE_SIM_FIRST").value_or(1)));
  const auto cases = only ? 1 : number_from("TROUPE_SIM_CASES").value_or(cases_default);
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::vector<std::string> failures;
  cluster_counts sum;
  const auto work = [&] {
    for (auto index = next++; index < cases; index = next++) {
      const auto seed = first + static_cast<uint64_t>(index);
      const auto ran = run_cluster_case(seed);
      const std::scoped_lock lock(mutex);
      sum += ran.counts;
      if (!ran.broken.empty() && failures.size() < failures_max)
        failures.push_back(describe(seed, ran, only.has_value()));
      if (failures.size() >= failures_max)
        next = cases;
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
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::cout << fmt::format(
      "{} clusters, seeds {} to {}, in {:.1f} s: {:.1f} simulated hours, {} events, {} faults, {} requests "
      "accepted and {} refused, {} completed, {} ended with an error, {} readers came back, {} gaps, {} "
      "moves "
      "and takeovers, {} deaths noticed ({} of the living), {} tokens\n",
      sum.cases, first, first + static_cast<uint64_t>(cases) - 1, seconds,
      static_cast<double>(sum.simulated_us) / 3.6e9, sum.happened, sum.faults, sum.accepted, sum.rejected,
      sum.completed, sum.failed, sum.resumed, sum.gaps, sum.moves, sum.downs, sum.false_downs, sum.tokens);
  if (only || sum.cases < 1000)
    return;
  // What was drawn did happen.
  for (auto count : {sum.accepted, sum.rejected, sum.completed, sum.failed, sum.resumed, sum.moves, sum.downs,
                     sum.false_downs, sum.faults})
    CHECK(count > 20);
}

TEST_CASE("the same seed gives the same trace, byte for byte", "[cluster]") {
  for (uint64_t seed = 1; seed <= 40; ++seed)
    CHECK(trace_of(run_cluster_case(seed)) == trace_of(run_cluster_case(seed)));
}
