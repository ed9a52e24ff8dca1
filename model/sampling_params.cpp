#include "model/sampling_params.hpp"

#include "model/errors.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

// The comparisons are written so that a NaN fails them.
status bad(const char* name, const char* bounds, float value) {
  return failure(model_error::bad_sampling, fmt::format("{} must be {}, got {}", name, bounds, value));
}

status validate_bias(const std::vector<token_bias>& biases) {
  if (biases.size() > logit_bias_max)
    return failure(model_error::bad_sampling, fmt::format("logit_bias may name at most {} tokens, got {}",
                                                          logit_bias_max, biases.size()));
  std::vector<token_id> tokens;
  for (const auto& [token, bias] : biases) {
    if (token < 0)
      return failure(model_error::bad_sampling,
                     fmt::format("logit_bias must name tokens by number, from 0, got {}", token));
    if (!(bias >= -100.0f && bias <= 100.0f))
      return failure(model_error::bad_sampling,
                     fmt::format("logit_bias of token {} must be between -100 and 100, got {}", token, bias));
    tokens.push_back(token);
  }
  std::sort(tokens.begin(), tokens.end());
  if (const auto twice = std::adjacent_find(tokens.begin(), tokens.end()); twice != tokens.end())
    return failure(model_error::bad_sampling,
                   fmt::format("logit_bias names token {} twice: give one bias a token", *twice));
  return {};
}

} // namespace

status validate(const sampling_params& params) {
  // Below 0.01 the differences between logits no longer fit the weights; greedy is what is meant.
  if (!(params.temperature == 0.0f || (params.temperature >= 0.01f && params.temperature <= 2.0f)))
    return bad("temperature", "0 (greedy) or between 0.01 and 2", params.temperature);
  if (params.top_k < 0)
    return failure(model_error::bad_sampling,
                   fmt::format("top_k must be 0 (off) or positive, got {}", params.top_k));
  if (!(params.top_p > 0.0f && params.top_p <= 1.0f))
    return bad("top_p", "above 0 and at most 1", params.top_p);
  if (!(params.min_p >= 0.0f && params.min_p <= 1.0f))
    return bad("min_p", "between 0 and 1", params.min_p);
  if (!(params.repetition_penalty > 0.0f && params.repetition_penalty <= 10.0f))
    return bad("repetition_penalty", "above 0 and at most 10", params.repetition_penalty);
  if (!(params.presence_penalty >= -2.0f && params.presence_penalty <= 2.0f))
    return bad("presence_penalty", "between -2 and 2", params.presence_penalty);
  if (!(params.frequency_penalty >= -2.0f && params.frequency_penalty <= 2.0f))
    return bad("frequency_penalty", "between -2 and 2", params.frequency_penalty);
  if (params.min_tokens < 0)
    return failure(model_error::bad_sampling,
                   fmt::format("min_tokens must be 0 (off) or positive, got {}", params.min_tokens));
  if (params.logprobs && (*params.logprobs < 0 || *params.logprobs > logprobs_max))
    return failure(model_error::bad_sampling, fmt::format("logprobs must be 0 to {} alternatives, got {}",
                                                          logprobs_max, *params.logprobs));
  return validate_bias(params.logit_bias);
}

} // namespace troupe
