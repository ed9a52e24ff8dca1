#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/sampling_params.hpp"
#include "model/token_logprobs.hpp"

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Chooses tokens for one answer. Its state is a function of (params, prompt, emitted), so it is rebuilt from
/// the tokens after a move and goes on with the same choices; bits do not depend on the machine.
class sampler {
public:
  /// All tokens lie in [0, vocabulary); vocabulary is 1 to 2^18. end_tokens are those that min_tokens holds
  /// off.
  sampler(const sampling_params& params, int32_t vocabulary, std::span<const token_id> prompt,
          std::span<const token_id> emitted, std::span<const token_id> end_tokens = {});

  /// logits [vocabulary]; biases and penalties are written into it. -inf masks a token out. Counts the token
  /// it returns. Order (vLLM's): min_tokens, logit_bias, penalties, temperature, min_p, top_k, top_p; equally
  /// likely tokens rank by lower id. `ranked`, unless null, gets the token and params.logprobs alternatives
  /// as the logits had them before all that.
  /// Errors: logits_not_finite (a NaN, a +inf, or nothing but -inf); the state is then unchanged.
  result<token_id> sample(std::span<float> logits, token_logprobs* ranked = nullptr);

  /// Whether the next token is nothing but the one with the largest logit, so that sample() need not see
  /// them.
  bool is_greedy() const;

  /// Counts a token that a device chose, after is_greedy().
  void take_greedy(token_id token);

  /// Tokens emitted so far: the position of the next one in the answer.
  uint32_t emitted_count() const { return emitted_count_; }

  const sampling_params& params() const { return params_; }

private:
  bool uses_penalties() const;
  bool ends_too_early() const;
  void mask_and_bias(std::span<float> logits) const;
  void apply_penalties(std::span<float> logits) const;
  result<token_id> choose(std::span<float> logits);

  sampling_params params_;
  int32_t vocabulary_;
  uint32_t emitted_count_ = 0;
  std::vector<token_id> end_tokens_; // empty where min_tokens is 0
  std::unordered_map<token_id, uint32_t>
      seen_; // times emitted, 0 for prompt only; empty unless a penalty is on
};

} // namespace troupe
