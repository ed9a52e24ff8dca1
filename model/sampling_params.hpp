#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace troupe {

inline constexpr std::size_t logit_bias_max = 1024; // tokens; OpenAI's own bound is lower, and not documented
inline constexpr int32_t logprobs_max = 20;         // alternatives a token: OpenAI's and vLLM's bound

/// Added to a token's logit before all else.
struct token_bias {
  token_id token = 0; // in the vocabulary
  float bias = 0.0f;  // [-100, 100]
};

/// How a token is chosen. Defaults are the OpenAI API's; intake refuses what validate() refuses.
struct sampling_params {
  float temperature = 1.0f;        // 0: greedy; else 0.01 to 2
  int32_t top_k = 0;               // 0: off; else keep the k likeliest
  float top_p = 1.0f;              // (0, 1]: keep the likeliest tokens that together reach this mass
  float min_p = 0.0f;              // [0, 1]: drop tokens below this share of the likeliest one's probability
  float repetition_penalty = 1.0f; // (0, 10]: over prompt and emitted tokens; 1: off
  float presence_penalty = 0.0f;   // [-2, 2]: once for every token emitted
  float frequency_penalty = 0.0f;  // [-2, 2]: times how often the token was emitted
  uint64_t seed = 0;               // with choice and position, all that the randomness depends on
  uint32_t choice = 0;             // which of the n answers to one request
  int32_t min_tokens = 0; // until so many are emitted no end token is drawn and no stop string counts
  std::optional<int32_t> logprobs = {};    // alternatives beside each token, 0 to logprobs_max; absent: none
  std::vector<token_bias> logit_bias = {}; // at most logit_bias_max, each token once
};

/// Each bound by name with the value given; not-a-number and infinities are outside every bound.
/// Errors: bad_sampling.
status validate(const sampling_params& params);

} // namespace troupe
