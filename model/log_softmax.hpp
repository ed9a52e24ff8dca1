#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/token_logprobs.hpp"

#include <cstdint>
#include <span>

namespace troupe {

/// The largest logit. Errors: logits_not_finite (a NaN, a +inf, or nothing but -inf).
result<float> largest_logit(std::span<const float> logits);

/// Log probabilities of one row of logits: (x - largest) - ln(sum of exp(x - largest)), in doubles, rounded
/// to a float once. The exponentials are token_weight's whole numbers, whose sum is exact, and the logarithm
/// is a fixed sequence of IEEE operations: the same bits on every machine, whatever its vector width. Within
/// 1e-5 of the true value for up to 2^18 tokens; tokens below exp(-24) of the likeliest add nothing to the
/// sum.
class log_softmax {
public:
  /// Errors: logits_not_finite.
  static result<log_softmax> of(std::span<const float> logits);

  /// The log probability of a token with this logit; -infinity for -infinity.
  float at(float logit) const;

private:
  log_softmax(double largest, double log_sum) : largest_(largest), log_sum_(log_sum) {}

  double largest_;
  double log_sum_;
};

/// The token among `logits` and the `alternatives` likeliest ones. Higher logits rank first, equal ones by
/// lower id. Without bytes.
token_logprobs rank_token(const log_softmax& probabilities, std::span<const float> logits, token_id token,
                          int32_t alternatives);

} // namespace troupe
