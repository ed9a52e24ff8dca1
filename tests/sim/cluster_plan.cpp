#include "tests/sim/cluster_plan.hpp"

#include <fmt/format.h>
#include <random>

namespace troupe::sim {

namespace {

class plan_drawer {
public:
  explicit plan_drawer(uint64_t seed) : random_(seed * 2 + 1) {}

  int64_t between(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }

  int64_t one_of(std::initializer_list<int64_t> values) {
    return values.begin()[between(0, static_cast<int64_t>(values.size()) - 1)];
  }

  cluster_plan plan() {
    cluster_plan out;
    const auto nodes = one_of({2, 3, 3, 3, 4, 5});
    // Sometimes one node computes other bits than the rest.
    const auto odd = nodes > 2 && chance(0.15) ? between(0, nodes - 1) : -1;
    for (int64_t i = 0; i < nodes; ++i) {
      out.names.push_back(fmt::format("n{}", i));
      out.classes.push_back(i == odd ? 2 : 1);
    }
    out.seed_only = chance(0.3);
    out.network.delay_us_max = one_of({300, 3000, 20'000, 100'000});
    out.step_us = one_of({5000, 20'000, 60'000, 150'000});
    options(out.options);
    for (auto i = between(1, 6); i > 0; --i)
      out.requests.push_back(request(i, nodes));
    for (auto i = between(0, 4); i > 0; --i)
      out.faults.push_back(fault(nodes));
    return out;
  }

private:
  void options(cluster_options& out) {
    out.capacity = static_cast<uint32_t>(one_of({1, 2, 4, 16}));
    auto& replication = out.replication;
    replication.ledger.entries_max = static_cast<size_t>(one_of({3, 16, 256}));
    replication.ledger.resume_window = milliseconds(20'000);
    replication.leave_max = milliseconds(one_of({200, 2000, 6000}));
    out.copies.copies_max = static_cast<size_t>(one_of({4, 64, 1024}));
    out.host.attempts_max = static_cast<size_t>(one_of({4, 256}));
  }

  planned_request request(int64_t number, int64_t nodes) {
    planned_request out;
    out.at_us = between(400'000, chance(0.5) ? 3'000'000 : 15'000'000);
    out.node = static_cast<size_t>(between(0, nodes - 1));
    auto& opened = out.request;
    opened.response_id = fmt::format("r{}", number);
    opened.spec.prompt.resize(static_cast<size_t>(one_of({1, 5, 40, 200})));
    const auto stem = between(0, 3); // some share their beginning
    for (size_t i = 0; i < opened.spec.prompt.size(); ++i)
      opened.spec.prompt[i] =
          static_cast<token_id>(i < 32 ? 7 * stem + static_cast<int64_t>(i) : between(0, 96));
    opened.spec.sampling.seed = random_();
    opened.spec.max_tokens = static_cast<int32_t>(one_of({1, 8, 40, 120}));
    if (chance(0.3))
      opened.spec.end_tokens.push_back(static_cast<token_id>(between(0, 96)));
    if (chance(0.2))
      opened.spec.stop.push_back(fmt::format("{}><", between(0, 9)));
    opened.timeout_ms = chance(0.1) ? between(200, 4000) : 150'000;
    if (chance(0.93))
      opened.resume = {.owner = "key",
                       .stream_token = fmt::format("t{}", number),
                       .token_optional = false,
                       .door_state = "d"};
    if (chance(0.1))
      out.cancel_at = between(0, 30);
    if (chance(0.35)) {
      out.leave_at = between(0, 40);
      out.away_us = one_of({1000, 500'000, 5'000'000});
    }
    if (chance(0.1))
      out.spied_us = out.at_us + between(0, 5'000'000);
    if (chance(0.04)) {
      out.poison_at = static_cast<int32_t>(between(0, 20));
      out.kills_process = chance(0.4);
    }
    return out;
  }

  planned_fault fault(int64_t nodes) {
    planned_fault out;
    out.after_us = one_of({10'000, 400'000, 1'500'000, 4'000'000});
    out.kind = static_cast<cluster_fault>(between(0, static_cast<int64_t>(cluster_fault::kinds) - 1));
    if (chance(0.2))
      out.kind = cluster_fault::kill;
    out.node = static_cast<size_t>(between(0, nodes - 1));
    out.choice = random_();
    out.lasts_us = one_of({100'000, 1'500'000, 3'500'000, 6'000'000, 11'000'000});
    if (out.kind == cluster_fault::leave)
      out.lasts_us += 4'000'000;
    return out;
  }

  std::mt19937_64 random_;
};

} // namespace

cluster_plan draw_cluster(uint64_t seed) {
  return plan_drawer(seed).plan();
}

} // namespace troupe::sim
