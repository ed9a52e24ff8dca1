#include "model/log_softmax.hpp"

#include "model/errors.hpp"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace troupe;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// The same logits with every standard library: whole numbers, scaled.
std::vector<float> random_logits(std::size_t count, uint32_t seed, float spread) {
  std::mt19937 generator(seed);
  std::vector<float> logits(count);
  for (float& logit : logits) {
    const auto a = static_cast<int32_t>(generator() >> 12), b = static_cast<int32_t>(generator() >> 12);
    logit = static_cast<float>(a - b) * 0x1p-20f * spread; // a triangle from -spread to spread
  }
  return logits;
}

std::vector<double> reference(const std::vector<float>& logits) {
  const long double largest = *std::max_element(logits.begin(), logits.end());
  long double sum = 0;
  for (const float logit : logits)
    sum += std::exp(static_cast<long double>(logit) - largest);
  std::vector<double> out;
  for (const float logit : logits)
    out.push_back(static_cast<double>(static_cast<long double>(logit) - largest - std::log(sum)));
  return out;
}

log_softmax of(const std::vector<float>& logits) {
  const auto made = log_softmax::of(logits);
  REQUIRE(made);
  return *made;
}

} // namespace

TEST_CASE("log probabilities are those of the plain formula") {
  double worst = 0;
  for (const std::size_t count : {1u, 2u, 19u, 989u, 49'152u, 262'144u})
    for (const float spread : {0.0f, 0.001f, 1.0f, 10.0f, 80.0f, 3000.0f}) {
      const auto logits = random_logits(count, static_cast<uint32_t>(count), spread);
      const auto expected = reference(logits);
      const auto probabilities = of(logits);
      for (std::size_t i = 0; i < count; i += 1 + count / 1000) {
        const double error = std::abs(static_cast<double>(probabilities.at(logits[i])) - expected[i]);
        worst = std::max(worst, error / std::max(1.0, std::abs(expected[i])));
      }
    }
  INFO("worst " << worst);
  CHECK(worst < 1e-6);
}

TEST_CASE("the tail that adds nothing is small") {
  // The worst case: 2^18 - 1 tokens just below what counts.
  std::vector<float> logits(1 << 18, -24.3f);
  logits[5] = 0;
  CHECK(std::abs(static_cast<double>(of(logits).at(0.0f)) - reference(logits)[5]) < 1e-5);
}

TEST_CASE("a certain token has a log probability of 0, a masked one of minus infinity") {
  CHECK(of({3.5f}).at(3.5f) == 0.0f);
  const auto masked = of({-infinity, 2, -infinity, 2});
  CHECK(masked.at(2) == std::log(0.5f));
  CHECK(masked.at(-infinity) == -infinity);
  for (const std::vector<float>& logits :
       {std::vector<float>{1, infinity}, {1, std::nanf("")}, {-infinity, -infinity}}) {
    const auto made = log_softmax::of(logits);
    REQUIRE_FALSE(made);
    CHECK(made.error().is(model_error::logits_not_finite));
  }
}

TEST_CASE("ranks are those of a sorted vocabulary, equal logits by lower id") {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<float> logits(1 + random() % 60);
    for (float& logit : logits)
      logit = random() % 9 == 0 ? -infinity : static_cast<float>(random() % 12) - 6.0f;
    logits[random() % logits.size()] = 1;
    if (seed % 7 == 0)
      logits[0] = -0.0f;
    std::vector<token_id> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto logit = [&](token_id token) { return logits[static_cast<std::size_t>(token)]; };
    std::stable_sort(order.begin(), order.end(), [&](token_id a, token_id b) { return logit(a) > logit(b); });
    const auto probabilities = of(logits);
    const auto alternatives = static_cast<int32_t>(random() % 21);
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      const auto got = rank_token(probabilities, logits, order[rank], alternatives);
      REQUIRE(got.chosen.token == order[rank]);
      REQUIRE(got.chosen.rank == static_cast<int32_t>(rank) + 1);
      REQUIRE(got.chosen.logprob == probabilities.at(logit(order[rank])));
      REQUIRE(got.top.size() == std::min(order.size(), static_cast<std::size_t>(alternatives)));
      for (std::size_t i = 0; i < got.top.size(); ++i) {
        REQUIRE(got.top[i].token == order[i]);
        REQUIRE(got.top[i].rank == static_cast<int32_t>(i) + 1);
        REQUIRE(got.top[i].logprob == probabilities.at(logit(order[i])));
      }
    }
  }
}

TEST_CASE("log probabilities have the same bits on every machine") {
  uint64_t hash = 14695981039346656037u;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const auto logits = random_logits(3'000 + seed, seed, static_cast<float>(seed));
    const auto probabilities = of(logits);
    for (const float logit : logits)
      hash = (hash ^ std::bit_cast<uint32_t>(probabilities.at(logit))) * 1099511628211u;
  }
  // From the first machine. Another value means that this compiler or library computes something else.
  CHECK(hash == 0x29bde7300ff6e515u);
}
