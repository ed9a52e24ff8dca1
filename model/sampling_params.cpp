#include "model/sampling_params.hpp"

#include "model/errors.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

// The comparisons are written so that a NaN fails them.
status bad(const char* name, const char* bounds, float value) {
  return failure(model_error::bad_sampling, fmt::format("{} must be {}, got {}", name, bounds, value));
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
  return {};
}

} // namespace troupe
