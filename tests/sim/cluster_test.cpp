#include "tests/sim/cluster_case.hpp"
#include "tests/sim/seed_runs.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <iostream>
#include <mutex>

using namespace troupe::sim;

namespace {

constexpr int64_t cases_default = 10'000;
constexpr size_t trace_lines_max = 20'000;

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
  cluster_counts sum;
  std::mutex mutex;
  const auto first = static_cast<uint64_t>(number_from("TROUPE_SIM_FIRST").value_or(1));
  const auto runs = run_seeds(first, cases_default, [&](uint64_t seed, bool alone) {
    const auto ran = run_cluster_case(seed);
    const std::scoped_lock lock(mutex);
    sum += ran.counts;
    return ran.broken.empty() ? std::string() : describe(seed, ran, alone);
  });
  std::cout << fmt::format(
      "{} clusters, seeds {} to {}, in {:.1f} s: {:.1f} simulated hours, {} events, {} faults, {} requests "
      "accepted and {} refused, {} completed, {} ended with an error, {} readers came back, {} gaps, {} "
      "moves "
      "and takeovers, {} deaths noticed ({} of the living), {} tokens\n",
      sum.cases, runs.first, runs.last(), runs.seconds, static_cast<double>(sum.simulated_us) / 3.6e9,
      sum.happened, sum.faults, sum.accepted, sum.rejected, sum.completed, sum.failed, sum.resumed, sum.gaps,
      sum.moves, sum.downs, sum.false_downs, sum.tokens);
  if (runs.alone || sum.cases < 1000)
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
