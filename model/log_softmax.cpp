#include "model/log_softmax.hpp"

#include "base/check.hpp"
#include "model/errors.hpp"
#include "model/sampler_weights.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int32_t key_of_infinity = 0x7F800000;
constexpr int32_t key_of_minus_infinity = -key_of_infinity - 1;

/// Orders floats as whole numbers, so that the pass below is vectorized; NaNs lie outside the infinities.
int32_t order_key(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

float value_of_key(int32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) & 0x7FFFFFFF));
}

/// The natural logarithm of x >= 1, to the last bit or two: libm's last bit varies with the machine.
/// x = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.172.
double natural_logarithm(double x) {
  constexpr double ln_2 = 0.69314718055994531;
  constexpr double sqrt_2 = 1.4142135623730951;
  const auto bits = std::bit_cast<uint64_t>(x);
  auto exponent = static_cast<double>(static_cast<int64_t>(bits >> 52) - 1023);
  double m = std::bit_cast<double>((bits & ((uint64_t{1} << 52) - 1)) | std::bit_cast<uint64_t>(1.0));
  if (m >= sqrt_2) {
    m *= 0.5;
    exponent += 1.0;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double series = 0.0; // the next term, z^11 / 23, is below 1e-18
  for (int k = 21; k >= 1; k -= 2)
    series = series * z + 1.0 / k;
  return exponent * ln_2 + 2.0 * s * series;
}

struct candidate {
  float logit;
  token_id token;
};

/// Scanned by rising id, so a later token of an equal logit ranks behind.
std::vector<candidate> likeliest(std::span<const float> logits, std::size_t count) {
  std::vector<candidate> best;
  best.reserve(count + 1);
  count = std::min(count, logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (best.size() == count && (count == 0 || !(logits[i] > best.back().logit)))
      continue;
    const auto at = std::upper_bound(best.begin(), best.end(), logits[i],
                                     [](float logit, const candidate& other) { return logit > other.logit; });
    best.insert(at, {logits[i], static_cast<token_id>(i)});
    if (best.size() > count)
      best.pop_back();
  }
  return best;
}

} // namespace

result<float> largest_logit(std::span<const float> logits) {
  int32_t low = key_of_infinity;
  int32_t high = key_of_minus_infinity;
  for (const float logit : logits) {
    const int32_t key = order_key(logit);
    low = std::min(low, key);
    high = std::max(high, key);
  }
  if (low < key_of_minus_infinity || high >= key_of_infinity || high == key_of_minus_infinity)
    return failure(model_error::logits_not_finite,
                   fmt::format("logits are not finite (from {} to {}); the step is not to be trusted",
                               value_of_key(low), value_of_key(high)));
  return value_of_key(high);
}

result<log_softmax> log_softmax::of(std::span<const float> logits) {
  const auto largest = largest_logit(logits);
  if (!largest)
    return forward_error(largest);
  thread_local sampler_weights weights; // 2 MB at most
  weights.assign(logits, *largest, 1.0f);
  return log_softmax(*largest, natural_logarithm(weights.mass() / full_weight));
}

float log_softmax::at(float logit) const {
  return static_cast<float>((static_cast<double>(logit) - largest_) - log_sum_);
}

token_logprobs rank_token(const log_softmax& probabilities, std::span<const float> logits, token_id token,
                          int32_t alternatives) {
  const auto index = static_cast<std::size_t>(token);
  TROUPE_CHECK(index < logits.size(), "a token outside the vocabulary");
  const float logit = logits[index];
  // Two plain loops, which are vectorized: a branch a token would cost more than both.
  int32_t before = 0;
  for (const float other : logits)
    before += other > logit;
  for (std::size_t i = 0; i < index; ++i)
    before += logits[i] == logit;
  token_logprobs out;
  out.chosen = {token, before + 1, probabilities.at(logit), {}};
  for (const auto& each : likeliest(logits, static_cast<std::size_t>(alternatives)))
    out.top.push_back(
        {each.token, static_cast<int32_t>(out.top.size()) + 1, probabilities.at(each.logit), {}});
  return out;
}

} // namespace troupe
