#include "tests/sim/world_case.hpp"

#include "base/page_size.hpp"
#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <fmt/format.h>

namespace troupe::sim {

namespace {

class case_drawer {
public:
  case_drawer(const language_model& model, uint64_t seed, const case_bounds& bounds)
      : model_(model), bounds_(bounds), random_(seed) {}

  template <class Value, size_t n>
  Value one_of(const Value (&values)[n]) {
    return values[random_() % n];
  }
  int32_t between(int32_t least, int32_t most) {
    return least + static_cast<int32_t>(random_() % static_cast<uint64_t>(most - least + 1));
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  double speed() { return std::pow(10.0, std::uniform_real_distribution<double>(-1.5, 0.5)(random_)); }

  sampling_params sampling() {
    sampling_params out;
    out.temperature = one_of({0.0f, 0.7f, 1.0f, 1.5f});
    out.top_k = one_of({0, 0, 5, 40});
    out.top_p = one_of({1.0f, 1.0f, 0.9f, 0.5f});
    out.min_p = one_of({0.0f, 0.0f, 0.05f});
    out.repetition_penalty = one_of({1.0f, 1.0f, 1.1f, 1.5f});
    out.presence_penalty = one_of({0.0f, 0.0f, 0.6f, -0.5f});
    out.frequency_penalty = one_of({0.0f, 0.0f, 0.4f});
    out.seed = random_();
    out.choice = static_cast<uint32_t>(between(0, 3));
    return out;
  }

  /// Half of the prompts begin like others, so that prefixes are shared.
  std::vector<token_id> prompt() {
    const auto vocabulary = model_.shape().vocabulary;
    std::vector<token_id> out(static_cast<size_t>(between(1, bounds_.prompt_max)));
    for (auto& token : out)
      token = between(0, vocabulary - 1);
    if (stem_.empty())
      for (int32_t i = 0; i < bounds_.prompt_max; ++i)
        stem_.push_back(between(0, vocabulary - 1));
    if (chance(0.5))
      std::copy_n(stem_.begin(), between(0, static_cast<int32_t>(out.size())), out.begin());
    return out;
  }

  open_entry request(int32_t number) {
    open_entry out;
    out.response_id = fmt::format("r{}", number);
    out.spec.prompt = prompt();
    out.spec.sampling = sampling();
    out.spec.tenant = one_of({"a", "a", "b"});
    out.spec.cache_salt = chance(0.1) ? "salt" : "";
    out.spec.priority = one_of({0, 0, 0, -2, 5});
    out.spec.max_tokens = between(1, bounds_.answer_max);
    add_stops(out.spec);
    for (int32_t i = one_of({0, 0, 3, 12}); i > 0; --i)
      out.spec.end_tokens.push_back(between(0, model_.shape().vocabulary - 1));
    out.timeout_ms = chance(0.15) ? between(1, 400) : 100'000'000;
    if (chance(0.3))
      out.resume = {.owner = "", .stream_token = "back", .token_optional = false, .door_state = {}};
    return out;
  }

  void add_stops(sequence_spec& spec) {
    for (int32_t i = one_of({0, 0, 0, 5}); i > 0; --i)
      spec.stop_tokens.push_back(between(0, model_.shape().vocabulary - 1));
    for (int32_t i = one_of({0, 0, 0, 2}); i > 0; --i) // words are <n>: across two of them, or in one
      spec.stop.push_back(chance(0.5) ? fmt::format("{}><", between(0, 9))
                                      : fmt::format("{}", between(0, 99)));
    spec.include_stop = chance(0.3);
    if (chance(0.2))
      spec.prompt_logprobs = between(0, 3);
    if (chance(0.3))
      spec.sampling.logprobs = between(0, 5);
    if (chance(0.2))
      spec.sampling.min_tokens = between(0, spec.max_tokens);
    for (int32_t i = one_of({0, 0, 0, 4}); i > 0; --i)
      spec.sampling.logit_bias.push_back(
          {model_.shape().vocabulary / 4 * (i - 1) + between(0, 9), static_cast<float>(between(-100, 100))});
  }

  client_habits habits() {
    client_habits out;
    if (chance(0.1))
      out.cancel_at = between(0, 20);
    if (chance(0.15))
      out.detach_at = between(1, 20);
    out.returns = chance(0.7);
    return out;
  }

  world_options options(int32_t longest, int32_t together) {
    world_options out;
    out.planner.max_batch_size = between(1, 8);
    out.planner.max_batch_tokens = std::max(out.planner.max_batch_size, one_of({8, 16, 17, 40, 64, 512}));
    out.planner.step_time_max = microseconds(one_of({500, 3000, 200'000}));
    out.planner.prefix_cache = chance(0.85);
    out.planner.priority_level = microseconds(one_of({1, 2000, 1'000'000}));
    out.planner.tokens_ahead = model_.shape().window.limited() ? one_of({0, 20, 64}) : 0;
    out.planner.batch_window = milliseconds(one_of({0, 5, 50}));
    // The longest sequence must fit, as intake sees to it; often not much more does.
    out.page_count =
        chance(0.6) ? between(longest, std::min(together, longest + 6)) : between(longest, together);
    out.ledger.entries_max = static_cast<size_t>(one_of({3, 8, 256, 256}));
    out.ledger.unsent_bytes_max = one_of({300, 1500, 1 << 20});
    out.ledger.resume_window = milliseconds(one_of({0, 200, 100'000}));
    out.token_us_max = one_of({1, 50, 400});
    out.crashes = one_of({0, 1, 2, 4});
    out.crash_weight = one_of({0.01, 0.05, 0.3});
    out.tick_weight = one_of({0.002, 0.05});
    out.arrival_weight = speed();
    out.edges = {
        speed(), speed(), speed(), speed(), speed(), speed(), {speed(), speed(), speed(), speed(), speed()}};
    return out;
  }

  uint64_t seed() { return random_(); }

private:
  const language_model& model_;
  const case_bounds& bounds_;
  std::mt19937_64 random_;
  std::vector<token_id> stem_;
};

} // namespace

world_counts run_case(const std::shared_ptr<const language_model>& model, uint64_t seed,
                      const case_bounds& bounds, const std::function<void(world_options&)>& change) {
  case_drawer draw(*model, seed, bounds);
  std::vector<open_entry> requests;
  int32_t longest = 1, together = 1;
  for (int32_t i = draw.between(1, bounds.requests_max); i > 0; --i) {
    requests.push_back(draw.request(i));
    const auto& spec = requests.back().spec;
    const auto pages = pages_of(static_cast<int32_t>(spec.prompt.size()) + spec.max_tokens);
    longest = std::max(longest, pages);
    together += pages;
  }
  auto options = draw.options(longest, together);
  if (change)
    change(options);
  engine_world world(model, std::move(options), draw.seed());
  try {
    for (auto& request : requests) {
      auto alone = run_alone(*model, request);
      world.add(std::move(request), std::move(alone), draw.habits());
    }
    world.run();
  } catch (const std::exception& problem) {
    throw world_failure(fmt::format("{}\nrerun it with TROUPE_SIM_SEED={}\nwhat happened last:\n{}",
                                    problem.what(), seed, world.trace()));
  }
  return world.counted();
}

} // namespace troupe::sim
