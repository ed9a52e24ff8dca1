#include "model/sampler.hpp"

#include "base/check.hpp"
#include "model/log_softmax.hpp"
#include "model/philox.hpp"
#include "model/sampler_weights.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace troupe {

namespace {

constexpr int32_t vocabulary_max = (1 << 19) - 1; // sampler_weights' sums stay exact up to here

} // namespace

sampler::sampler(const sampling_params& params, int32_t vocabulary, std::span<const token_id> prompt,
                 std::span<const token_id> emitted, std::span<const token_id> end_tokens)
    : params_(params), vocabulary_(vocabulary), emitted_count_(static_cast<uint32_t>(emitted.size())) {
  TROUPE_CHECK(vocabulary >= 1 && vocabulary <= vocabulary_max,
               fmt::format("a vocabulary of 1 to {} tokens, got {}", vocabulary_max, vocabulary));
  const auto valid = [&](token_id token) { return token >= 0 && token < vocabulary; };
  TROUPE_CHECK(std::all_of(prompt.begin(), prompt.end(), valid) &&
                   std::all_of(emitted.begin(), emitted.end(), valid),
               "a token outside the vocabulary");
  TROUPE_CHECK(std::all_of(end_tokens.begin(), end_tokens.end(), valid) &&
                   std::all_of(params_.logit_bias.begin(), params_.logit_bias.end(),
                               [&](const token_bias& each) { return valid(each.token); }),
               "an end token or a bias outside the vocabulary");
  if (params_.min_tokens > 0)
    end_tokens_.assign(end_tokens.begin(), end_tokens.end());
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

bool sampler::ends_too_early() const {
  return static_cast<int64_t>(emitted_count_) < params_.min_tokens && !end_tokens_.empty();
}

bool sampler::is_greedy() const {
  return params_.temperature == 0.0f && params_.logit_bias.empty() && !uses_penalties() && !ends_too_early();
}

void sampler::take_greedy(token_id token) {
  TROUPE_CHECK(is_greedy() && token >= 0 && token < vocabulary_, "a greedy token where none was asked for");
  ++emitted_count_;
}

void sampler::mask_and_bias(std::span<float> logits) const {
  if (ends_too_early())
    for (const token_id token : end_tokens_)
      logits[static_cast<std::size_t>(token)] = -std::numeric_limits<float>::infinity();
  for (const auto& [token, bias] : params_.logit_bias)
    logits[static_cast<std::size_t>(token)] += bias;
}

void sampler::apply_penalties(std::span<float> logits) const {
  for (const auto& [token, times] : seen_) {
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = logit > 0.0f ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    if (times > 0)
      logit = logit - params_.frequency_penalty * static_cast<float>(times) - params_.presence_penalty;
  }
}

result<token_id> sampler::sample(std::span<float> logits, token_logprobs* ranked) {
  TROUPE_CHECK(logits.size() == static_cast<std::size_t>(vocabulary_),
               fmt::format("logits: expected {}, got {}", vocabulary_, logits.size()));
  if (!ranked)
    return choose(logits);
  const auto probabilities = log_softmax::of(logits);
  if (!probabilities)
    return forward_error(probabilities);
  thread_local std::vector<float> before;
  std::span<const float> raw = logits;
  if (ends_too_early() || !params_.logit_bias.empty() || uses_penalties()) {
    before.assign(logits.begin(), logits.end());
    raw = before;
  }
  auto token = choose(logits);
  if (token)
    *ranked = rank_token(*probabilities, raw, *token, params_.logprobs.value_or(0));
  return token;
}

result<token_id> sampler::choose(std::span<float> logits) {
  mask_and_bias(logits);
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
