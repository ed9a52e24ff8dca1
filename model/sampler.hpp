#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/sampling_params.hpp"

#include <cstdint>
#include <span>
#include <unordered_map>

namespace troupe {

/// Chooses tokens for one answer. Its state is a function of (params, prompt, emitted), so it is rebuilt from
/// the tokens after a move and goes on with the same choices; bits do not depend on the machine.
class sampler {
public:
  /// Tokens of prompt and emitted lie in [0, vocabulary); vocabulary is 1 to 2^18.
  sampler(const sampling_params& params, int32_t vocabulary, std::span<const token_id> prompt,
          std::span<const token_id> emitted);

  /// logits [vocabulary]; penalties are written into it. -inf masks a token out. Counts the token it returns.
  /// Order (vLLM's): penalties, temperature, min_p, top_k, top_p; equally likely tokens rank by lower id.
  /// Errors: logits_not_finite (a NaN, a +inf, or nothing but -inf); the state is then unchanged.
  result<token_id> sample(std::span<float> logits);

  /// Tokens emitted so far: the position of the next one in the answer.
  uint32_t emitted_count() const { return emitted_count_; }

  const sampling_params& params() const { return params_; }

private:
  bool uses_penalties() const;
  void apply_penalties(std::span<float> logits) const;

  sampling_params params_;
  int32_t vocabulary_;
  uint32_t emitted_count_ = 0;
  std::unordered_map<token_id, uint32_t>
      seen_; // times emitted, 0 for prompt only; empty unless a penalty is on
};

} // namespace troupe
