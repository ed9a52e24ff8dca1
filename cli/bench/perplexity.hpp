#pragma once

#include "base/result.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "kernels/cpu/thread_pool.hpp"
#include "model/forward_scratch.hpp"
#include "model/language_model.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace troupe {

/// How well a model predicts a text.
struct text_score {
  double loss = 0; // sum of -log p(token) in nats
  int32_t predicted = 0;

  double perplexity() const;
};

/// One sequence from position 0, each token predicted from those before it. Steps of step_tokens; logits of a
/// step are its only large buffer. The score does not depend on step_tokens or on the machine.
class perplexity {
public:
  /// tokens_max: the longest text.
  perplexity(const language_model& model, thread_pool& threads, int32_t tokens_max, int32_t step_tokens);

  /// Of tokens 1 and on. done(position) is called after each step. Errors: of forward.
  result<text_score> score(std::span<const token_id> tokens, const std::function<void(int32_t done)>& done);

  /// Loss of each token of the last score, in order: where in a text a window costs something.
  std::span<const double> losses() const { return losses_; }

private:
  const language_model& model_;
  thread_pool& threads_;
  int32_t step_tokens_;
  forward_scratch scratch_;
  std::vector<page_id> pages_;
  aligned_buffer kv_;
  std::vector<float> logits_; // [step_tokens, vocabulary]
  std::vector<double> losses_;
};

} // namespace troupe
