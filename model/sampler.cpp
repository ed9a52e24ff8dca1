#include "model/sampler.hpp"

#include "base/check.hpp"
#include "model/errors.hpp"
#include "model/philox.hpp"
#include "model/sampler_weights.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int32_t vocabulary_max = 1 << 18; // sampler_weights' sums stay exact up to here

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

} // namespace

sampler::sampler(const sampling_params& params, int32_t vocabulary, std::span<const token_id> prompt,
                 std::span<const token_id> emitted)
    : params_(params), vocabulary_(vocabulary), emitted_count_(static_cast<uint32_t>(emitted.size())) {
  TROUPE_CHECK(vocabulary >= 1 && vocabulary <= vocabulary_max,
               fmt::format("a vocabulary of 1 to {} tokens, got {}", vocabulary_max, vocabulary));
  const auto valid = [&](token_id token) { return token >= 0 && token < vocabulary; };
  TROUPE_CHECK(std::all_of(prompt.begin(), prompt.end(), valid) &&
                   std::all_of(emitted.begin(), emitted.end(), valid),
               "a token outside the vocabulary");
  if (!uses_penalties())
    return;
  if (params_.repetition_penalty != 1.0f)
    for (const token_id token : prompt)
      seen_.try_emplace(token, 0);
  for (const token_id token : emitted)
    ++seen_[token];
}

bool sampler::uses_penalties() const {
  return params_.repetition_penalty != 1.0f || params_.presence_penalty != 0.0f ||
         params_.frequency_penalty != 0.0f;
}

void sampler::apply_penalties(std::span<float> logits) const {
  for (const auto& [token, times] : seen_) {
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = logit > 0.0f ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    if (times > 0)
      logit = logit - params_.frequency_penalty * static_cast<float>(times) - params_.presence_penalty;
  }
}

result<token_id> sampler::sample(std::span<float> logits) {
  TROUPE_CHECK(logits.size() == static_cast<std::size_t>(vocabulary_),
               fmt::format("logits: expected {}, got {}", vocabulary_, logits.size()));
  apply_penalties(logits);
  const result<float> largest = largest_logit(logits);
  if (!largest)
    return forward_error(largest);

  token_id token = 0;
  if (params_.temperature == 0.0f) {
    token = static_cast<token_id>(std::find(logits.begin(), logits.end(), *largest) - logits.begin());
  } else {
    thread_local sampler_weights weights; // 2 MB at most; not per sequence, of which there are hundreds
    weights.assign(logits, *largest, params_.temperature);
    if (params_.min_p > 0.0f)
      weights.keep_share(params_.min_p);
    if (params_.top_k > 0)
      weights.keep_count(params_.top_k);
    if (params_.top_p < 1.0f)
      weights.keep_mass(params_.top_p);
    token = weights.pick(sampling_bits(params_.seed, params_.choice, emitted_count_, 0));
  }
  ++emitted_count_;
  if (uses_penalties())
    ++seen_[token];
  return token;
}

} // namespace troupe
