#include "model/sampler_weights.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

using namespace troupe;

namespace {

std::vector<float> random_logits(std::size_t count, float spread, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> logits(count);
  for (float& logit : logits)
    logit = normal(generator);
  return logits;
}

/// Ids by falling logit, equal ones by rising id, with their probabilities: the plain way.
struct ranking {
  std::vector<token_id> ids;
  std::vector<double> probabilities;
};

ranking ranked(const std::vector<float>& logits, float temperature) {
  ranking out;
  out.ids.resize(logits.size());
  std::iota(out.ids.begin(), out.ids.end(), 0);
  std::stable_sort(out.ids.begin(), out.ids.end(), [&](token_id a, token_id b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  const double top = logits[static_cast<std::size_t>(out.ids[0])];
  double sum = 0;
  for (const token_id id : out.ids)
    sum += out.probabilities.emplace_back(
        std::exp((static_cast<double>(logits[static_cast<std::size_t>(id)]) - top) / temperature));
  for (double& probability : out.probabilities)
    probability /= sum;
  return out;
}

sampler_weights assigned(const std::vector<float>& logits, float temperature) {
  sampler_weights weights;
  weights.assign(logits, *std::max_element(logits.begin(), logits.end()), temperature);
  return weights;
}

/// Which tokens a draw can give, found by drawing at many even fractions of the mass.
std::set<token_id> reachable(const sampler_weights& weights, std::size_t draws) {
  std::set<token_id> found;
  for (std::size_t i = 0; i < draws; ++i)
    found.insert(
        weights.pick(static_cast<uint64_t>(static_cast<double>(i) / static_cast<double>(draws) * 0x1p64)));
  return found;
}

} // namespace

TEST_CASE("token weights are exp to the last whole number") {
  CHECK(token_weight(0.0) == full_weight);
  CHECK(token_weight(-1000.0) == 0.0);
  CHECK(token_weight(-INFINITY) == 0.0);
  std::mt19937 generator(5);
  std::uniform_real_distribution<double> uniform(-24.0, 0.0);
  for (int i = 0; i < 100'000; ++i) {
    const double x = uniform(generator);
    const double exact = std::exp(x) * full_weight;
    if (std::abs(token_weight(x) - exact) > 0.5 + exact * 1e-10)
      FAIL("at " << x);
  }
  // The bits themselves, so that another machine or compiler shows.
  CHECK(token_weight(-0.3) == 12727160120.0);
  CHECK(token_weight(-5.0) == 115757048.0);
}

TEST_CASE("top-k keeps the k likeliest, ties by lower id") {
  for (const std::size_t count : {1u, 2u, 19u, 999u, 49'152u}) {
    const std::vector<float> logits = random_logits(count, 3.0f, static_cast<uint32_t>(count));
    const ranking reference = ranked(logits, 0.8f);
    for (const int64_t k : {1, 2, 7, 50, 1000, 1'000'000}) {
      sampler_weights weights = assigned(logits, 0.8f);
      weights.keep_count(k);
      const std::size_t expected = std::min(count, static_cast<std::size_t>(k));
      REQUIRE(weights.size() == expected);
      if (k > 7)
        continue;
      const std::set<token_id> ids(reference.ids.begin(),
                                   reference.ids.begin() + static_cast<std::ptrdiff_t>(expected));
      CHECK(reachable(weights, 20'000) == ids);
    }
  }
  sampler_weights equal = assigned(std::vector<float>(5000, 1.0f), 1.0f);
  equal.keep_count(3);
  CHECK(reachable(equal, 300) == std::set<token_id>{0, 1, 2});
}

TEST_CASE("top-p keeps the shortest head that reaches the mass") {
  for (const float spread : {0.001f, 0.5f, 3.0f, 10.0f}) {
    for (const std::size_t count : {1u, 2u, 989u, 49'152u}) {
      const std::vector<float> logits = random_logits(count, spread, 77);
      const ranking reference = ranked(logits, 1.0f);
      for (const double p : {0.01, 0.3, 0.9, 0.95, 0.999}) {
        std::size_t expected = 0;
        for (double before = 0; expected < count && before < p; ++expected)
          before += reference.probabilities[expected];
        sampler_weights weights = assigned(logits, 1.0f);
        weights.keep_mass(p);
        INFO(spread << " " << count << " " << p);
        // The weights round each probability by up to 2^-35 of the likeliest: a place or two at the border.
        CHECK(std::abs(static_cast<double>(weights.size()) - static_cast<double>(expected)) <=
              1.0 + 1e-4 * static_cast<double>(expected));
      }
    }
  }
  sampler_weights equal = assigned(std::vector<float>(10'000, -2.0f), 1.0f);
  equal.keep_mass(0.5);
  CHECK(equal.size() == 5000);
  CHECK(*reachable(equal, 100'000).rbegin() == 4999);
}

TEST_CASE("min-p keeps what has its share of the likeliest") {
  const std::vector<float> logits = random_logits(49'152, 2.0f, 3);
  const ranking reference = ranked(logits, 1.3f);
  for (const double share : {1.0, 0.5, 0.1, 0.01}) {
    const auto expected =
        std::count_if(reference.probabilities.begin(), reference.probabilities.end(),
                      [&](double each) { return each >= share * reference.probabilities[0]; });
    sampler_weights weights = assigned(logits, 1.3f);
    weights.keep_share(share);
    CHECK(weights.size() == static_cast<std::size_t>(expected));
  }
}

TEST_CASE("pick lays the tokens out by id, each as wide as its weight") {
  const std::vector<float> logits{0.0f, -INFINITY, std::log(0.5f), 0.0f};
  const sampler_weights weights = assigned(logits, 1.0f);
  CHECK(weights.pick(0) == 0);
  CHECK(weights.pick(static_cast<uint64_t>(0.399 * 0x1p64)) == 0);
  CHECK(weights.pick(static_cast<uint64_t>(0.401 * 0x1p64)) == 2);
  CHECK(weights.pick(static_cast<uint64_t>(0.599 * 0x1p64)) == 2);
  CHECK(weights.pick(static_cast<uint64_t>(0.601 * 0x1p64)) == 3);
  CHECK(weights.pick(UINT64_MAX) == 3);
}

TEST_CASE("the last token is picked only if it has weight") {
  std::vector<float> logits(1000, -INFINITY);
  logits[10] = 1.0f;
  const sampler_weights weights = assigned(logits, 1.0f);
  CHECK(weights.pick(0) == 10);
  CHECK(weights.pick(UINT64_MAX) == 10);
}

TEST_CASE("sampler weights: the largest vocabulary still adds up exactly") {
  const std::vector<float> logits((1 << 19) - 1, 3.0f);
  sampler_weights weights;
  weights.assign(logits, 3.0f, 1.0f);
  CHECK(weights.mass() == static_cast<double>(logits.size()) * full_weight);
  CHECK(weights.pick(0) == 0);
  CHECK(weights.pick(UINT64_MAX) == static_cast<token_id>(logits.size()) - 1);
}
