#include "model/sampler.hpp"

#include "model/errors.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <random>

using namespace troupe;

namespace {

std::vector<float> random_logits(std::size_t count, uint32_t seed, float spread = 2.5f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> logits(count);
  for (float& logit : logits)
    logit = normal(generator);
  return logits;
}

token_id drawn(sampler& from, std::vector<float> logits) {
  const auto token = from.sample(logits);
  REQUIRE(token);
  return *token;
}

sampler fresh(const sampling_params& params, std::size_t vocabulary) {
  return sampler(params, static_cast<int32_t>(vocabulary), {}, {});
}

/// Pearson's statistic of `draws` draws against the probabilities; cells under 5 expected are pooled.
double chi_square(sampler& from, const std::vector<float>& logits, const std::vector<double>& probabilities,
                  int draws, int& freedom) {
  std::vector<int> seen(logits.size());
  for (int i = 0; i < draws; ++i)
    ++seen[static_cast<std::size_t>(drawn(from, logits))];
  double sum = 0, pooled_expected = 0, pooled_seen = 0;
  freedom = -1;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double expected = probabilities[i] * draws;
    if (expected == 0)
      REQUIRE(seen[i] == 0);
    if (expected < 5) {
      pooled_expected += expected;
      pooled_seen += seen[i];
      continue;
    }
    sum += (seen[i] - expected) * (seen[i] - expected) / expected;
    ++freedom;
  }
  if (pooled_expected >= 5) {
    sum += (pooled_seen - pooled_expected) * (pooled_seen - pooled_expected) / pooled_expected;
    ++freedom;
  }
  return sum;
}

/// The 99.9% point of chi-square (Wilson and Hilferty).
double critical(int freedom) {
  const double n = freedom;
  const double root = 1 - 2 / (9 * n) + 3.0902 * std::sqrt(2 / (9 * n));
  return n * root * root * root;
}

/// Order and meaning of the filters, in plain doubles.
std::vector<double> reference(const std::vector<float>& logits, const sampling_params& params) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < logits.size(); ++i)
    order.emplace_back(static_cast<double>(logits[i]) / params.temperature, i);
  std::sort(order.begin(), order.end(),
            [](auto& a, auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  const double top = order[0].first;
  std::erase_if(order, [&](auto& each) { return std::exp(each.first - top) < params.min_p; });
  if (params.top_k > 0 && order.size() > static_cast<std::size_t>(params.top_k))
    order.resize(static_cast<std::size_t>(params.top_k));
  double sum = 0;
  for (const auto& each : order)
    sum += std::exp(each.first - top);
  std::vector<double> probabilities(logits.size());
  double before = 0, kept = 0;
  for (const auto& [value, index] : order) {
    if (before >= params.top_p * sum)
      break;
    before += std::exp(value - top);
    kept = before;
    probabilities[index] = std::exp(value - top);
  }
  for (double& each : probabilities)
    each /= kept;
  return probabilities;
}

} // namespace

TEST_CASE("draws follow the distribution that the filters leave") {
  const std::vector<float> logits = random_logits(50, 11, 1.0f);
  const sampling_params cases[] = {
      {.seed = 1},
      {.temperature = 0.5f, .seed = 2},
      {.temperature = 2.0f, .seed = 3},
      {.top_k = 5, .seed = 4},
      {.top_p = 0.8f, .seed = 5},
      {.min_p = 0.1f, .seed = 6},
      {.temperature = 1.5f, .top_k = 20, .top_p = 0.9f, .min_p = 0.02f, .seed = 7}};
  for (const sampling_params& params : cases) {
    sampler from = fresh(params, logits.size());
    int freedom = 0;
    const double statistic = chi_square(from, logits, reference(logits, params), 20'000, freedom);
    INFO("seed " << params.seed << ", " << freedom << " degrees of freedom");
    REQUIRE(freedom >= 2);
    CHECK(statistic < critical(freedom));
    CHECK(statistic > 0.0);
  }
}

TEST_CASE("temperature 0 takes the largest, ties by lower id") {
  sampler greedy = fresh({.temperature = 0.0f}, 5);
  CHECK(drawn(greedy, {1, 3, 2, 3, -1}) == 1);
  CHECK(drawn(greedy, {-0.0f, 0.0f, -1, -1, -1}) == 0);
  CHECK(drawn(greedy, {-5, -4, -3, -2, -2}) == 3);
  CHECK(greedy.emitted_count() == 3);
}

TEST_CASE("penalties are those of vLLM, by hand") {
  const std::vector<token_id> prompt{0, 3};
  const std::vector<token_id> emitted{1, 1, 2};
  const sampling_params params{
      .temperature = 0.0f, .repetition_penalty = 2.0f, .presence_penalty = 0.5f, .frequency_penalty = 0.25f};
  sampler from(params, 6, prompt, emitted);
  std::vector<float> logits{4, 6, -1, -2, 1, 3};
  const auto token = from.sample(logits);
  REQUIRE(token);
  // prompt only: 4 / 2, -2 * 2; emitted twice: 6 / 2 - 2 * 0.25 - 0.5; once: -1 * 2 - 0.25 - 0.5.
  CHECK(logits == std::vector<float>{2, 2, -2.75f, -4, 1, 3});
  CHECK(*token == 5);
  logits = {4, 6, -1, -2, 1, 3};
  REQUIRE(from.sample(logits)); // 5 counts now
  CHECK(logits[5] == 3.0f / 2 - 0.25f - 0.5f);
  // Presence and frequency look at emitted tokens only.
  sampler presence({.temperature = 0.0f, .presence_penalty = 2.0f}, 6, prompt, emitted);
  logits = {4, 6, -1, -2, 1, 3};
  REQUIRE(presence.sample(logits));
  CHECK(logits == std::vector<float>{4, 4, -3, -2, 1, 3});
}

TEST_CASE("a bias comes before penalties, as in vLLM, by hand") {
  const sampling_params params{.temperature = 0.0f,
                               .repetition_penalty = 2.0f,
                               .presence_penalty = 0.5f,
                               .logit_bias = {{1, -7.0f}, {3, 2.5f}, {4, 100.0f}, {4, -100.0f}}};
  const std::vector<token_id> emitted{1, 3};
  sampler from(params, 5, {}, emitted);
  std::vector<float> logits{4, 6, -1, 1.5f, 1};
  REQUIRE(from.sample(logits));
  // (6 - 7) * 2 - 0.5; (1.5 + 2.5) / 2 - 0.5: the sign that the penalty looks at is that of the sum.
  CHECK(logits == std::vector<float>{4, -2.5f, -1, 1.5f, 1});
}

TEST_CASE("a bias of 100 forces a token, one of -100 forbids it") {
  const auto logits = random_logits(1000, 3);
  sampler forced = fresh({.seed = 1, .logit_bias = {{777, 100.0f}}}, logits.size());
  sampler forbidden = fresh({.seed = 1, .logit_bias = {{777, 100.0f}, {5, -100.0f}}}, logits.size());
  for (int i = 0; i < 50; ++i) {
    CHECK(drawn(forced, logits) == 777);
    CHECK(drawn(forbidden, logits) != 5);
  }
}

TEST_CASE("no end token is drawn before min_tokens, whatever was emitted by an earlier life") {
  std::vector<float> logits(10, 0.0f);
  logits[3] = 30;
  logits[7] = 20;
  const std::vector<token_id> ends{3, 7};
  for (const std::size_t cut : {0u, 1u, 3u, 4u, 5u}) {
    const std::vector<token_id> emitted(cut, 1);
    // A bias does not bring a masked token back.
    sampler from({.min_tokens = 4, .logit_bias = {{3, 100.0f}}}, 10, {}, emitted, ends);
    for (std::size_t at = cut; at < 4; ++at) {
      const auto token = drawn(from, logits);
      CHECK(token != 3);
      CHECK(token != 7);
    }
    CHECK(drawn(from, logits) == 3);
  }
  sampler nothing_left({.min_tokens = 1}, 2, {}, {}, std::vector<token_id>{0, 1});
  std::vector<float> both{1, 2};
  CHECK_FALSE(nothing_left.sample(both));
}

TEST_CASE("logprobs are of the model's own logits, and asking for them changes no token") {
  const std::vector<token_id> prompt{3, 1, 4};
  const std::vector<token_id> ends{9};
  const sampling_params plain{.temperature = 0.7f,
                              .top_k = 30,
                              .repetition_penalty = 1.5f,
                              .frequency_penalty = 0.3f,
                              .seed = 5,
                              .min_tokens = 3,
                              .logit_bias = {{11, 3.0f}, {12, -3.0f}}};
  auto asking = plain;
  asking.logprobs = 3;
  sampler one(plain, 200, prompt, {}, ends), other(asking, 200, prompt, {}, ends);
  for (uint32_t i = 0; i < 40; ++i) {
    const auto logits = random_logits(200, i);
    auto first = logits, second = logits;
    token_logprobs ranked;
    const auto token = other.sample(second, &ranked);
    REQUIRE(token);
    REQUIRE(one.sample(first).value() == *token);
    CHECK(first == second); // what penalties wrote
    CHECK(ranked.chosen.token == *token);
    double sum = 0;
    int32_t rank = 1;
    const auto own = logits[static_cast<std::size_t>(*token)];
    for (const float logit : logits) {
      sum += std::exp(static_cast<double>(logit));
      rank += logit > own;
    }
    CHECK(static_cast<double>(ranked.chosen.logprob) ==
          Approx(static_cast<double>(own) - std::log(sum)).epsilon(1e-6));
    CHECK(ranked.chosen.rank == rank);
    REQUIRE(ranked.top.size() == 3);
    CHECK(logits[static_cast<std::size_t>(ranked.top[0].token)] ==
          *std::max_element(logits.begin(), logits.end()));
  }
}

TEST_CASE("a sampler rebuilt from its tokens goes on alike") {
  const std::vector<token_id> prompt{3, 1, 4, 1, 5};
  const sampling_params params{.temperature = 1.2f,
                               .top_k = 40,
                               .top_p = 0.95f,
                               .repetition_penalty = 1.3f,
                               .presence_penalty = 0.4f,
                               .frequency_penalty = 0.3f,
                               .seed = 99,
                               .choice = 2};
  sampler whole(params, 200, prompt, {});
  std::vector<token_id> tokens;
  for (uint32_t i = 0; i < 60; ++i)
    tokens.push_back(drawn(whole, random_logits(200, i)));
  for (const std::size_t cut : {0u, 1u, 17u, 59u}) {
    sampler rebuilt(params, 200, prompt, std::span(tokens).first(cut));
    for (std::size_t i = cut; i < tokens.size(); ++i)
      REQUIRE(drawn(rebuilt, random_logits(200, static_cast<uint32_t>(i))) == tokens[i]);
  }
}

TEST_CASE("seeds and choices differ, equal ones agree") {
  const std::vector<float> logits = random_logits(1000, 8);
  const auto sequence = [&](uint64_t seed, uint32_t choice) {
    sampler from = fresh({.seed = seed, .choice = choice}, logits.size());
    std::vector<token_id> tokens;
    for (int i = 0; i < 50; ++i)
      tokens.push_back(drawn(from, logits));
    return tokens;
  };
  CHECK(sequence(1, 0) == sequence(1, 0));
  CHECK(sequence(1, 0) != sequence(2, 0));
  CHECK(sequence(1, 0) != sequence(1, 1));
  CHECK(sequence(1, 0) != sequence(1 + (uint64_t{1} << 32), 0));
}

TEST_CASE("logits that are not finite are an error and change nothing") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float temperature : {0.0f, 1.0f}) {
    sampler from = fresh({.temperature = temperature}, 3);
    for (std::vector<float> logits : {std::vector<float>{nan, nan, nan},
                                      {1, nan, 2},
                                      {1, -nan, 2},
                                      {1, infinity, 2},
                                      {-infinity, -infinity, -infinity}}) {
      const auto token = from.sample(logits);
      REQUIRE_FALSE(token);
      CHECK(token.error().is(model_error::logits_not_finite));
    }
    CHECK(from.emitted_count() == 0);
    CHECK(drawn(from, {-infinity, 3, -infinity}) == 1);
  }
}

TEST_CASE("bounds are named with the value given") {
  CHECK(validate({}));
  CHECK(validate(
      {.temperature = 0.0f, .top_k = 1, .top_p = 0.001f, .min_p = 1.0f, .repetition_penalty = 10.0f}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto message = [](const sampling_params& params) {
    const status checked = validate(params);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().is(model_error::bad_sampling));
    return checked.error().message;
  };
  CHECK(message({.temperature = -1.0f}) == "temperature must be 0 (greedy) or between 0.01 and 2, got -1");
  CHECK(message({.temperature = nan}).find("got nan") != std::string::npos);
  CHECK(message({.temperature = 2.5f}).find("2.5") != std::string::npos);
  CHECK(message({.top_k = -1}).starts_with("top_k"));
  CHECK(message({.top_p = 0.0f}).starts_with("top_p"));
  CHECK(message({.top_p = 1.5f}).starts_with("top_p"));
  CHECK(message({.min_p = nan}).starts_with("min_p"));
  CHECK(message({.repetition_penalty = 0.0f}).starts_with("repetition_penalty"));
  CHECK(message({.repetition_penalty = INFINITY}).starts_with("repetition_penalty"));
  CHECK(message({.presence_penalty = 2.1f}).starts_with("presence_penalty"));
  CHECK(message({.frequency_penalty = nan}).starts_with("frequency_penalty"));
  CHECK(validate({.min_tokens = 0, .logprobs = 20, .logit_bias = {{0, -100.0f}, {1, 100.0f}}}));
  CHECK(message({.min_tokens = -1}) == "min_tokens must be 0 (off) or positive, got -1");
  CHECK(message({.logprobs = 21}) == "logprobs must be 0 to 20 alternatives, got 21");
  CHECK(message({.logprobs = -1}).find("got -1") != std::string::npos);
  CHECK(message({.logit_bias = {{3, 100.5f}}}) ==
        "logit_bias of token 3 must be between -100 and 100, got 100.5");
  CHECK(message({.logit_bias = {{3, nan}}}).find("got nan") != std::string::npos);
  CHECK(message({.logit_bias = {{-1, 1.0f}}}).find("from 0, got -1") != std::string::npos);
  CHECK(message({.logit_bias = {{3, 1.0f}, {2, 1.0f}, {3, 1.0f}}}).find("token 3 twice") !=
        std::string::npos);
  CHECK(message({.logit_bias = std::vector<token_bias>(1025)}).find("at most 1024 tokens, got 1025") !=
        std::string::npos);
}

// Not run by default: test_model "[.timing]".
TEST_CASE("time of one sample at 49,152 tokens", "[.timing]") {
  const std::vector<float> logits = random_logits(49'152, 1);
  const std::pair<const char*, sampling_params> cases[] = {
      {"greedy", {.temperature = 0.0f}},
      {"plain", {}},
      {"top_p 0.95", {.top_p = 0.95f}},
      {"top_k 50", {.top_k = 50}},
      {"all", {.top_k = 50, .top_p = 0.95f, .min_p = 0.01f}},
      {"plain, logprobs", {.logprobs = 0}},
      {"plain, 20 alternatives", {.logprobs = 20}},
      {"biased, 20 alternatives", {.logprobs = 20, .logit_bias = {{7, 1.0f}}}}};
  for (const auto& [name, params] : cases) {
    sampler from = fresh(params, logits.size());
    std::vector<float> scratch(logits.size());
    token_logprobs ranked;
    std::vector<double> micros;
    for (int i = 0; i < 200; ++i) {
      std::copy(logits.begin(), logits.end(), scratch.begin());
      const auto start = std::chrono::steady_clock::now();
      REQUIRE(from.sample(scratch, params.logprobs ? &ranked : nullptr));
      micros.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(micros.begin(), micros.end());
    std::cout << name << ": median " << micros[100] << " us, best " << micros[0] << " us\n";
  }
}
