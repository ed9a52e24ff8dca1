#include "cli/bench/perplexity.hpp"

#include "base/page_size.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe {

namespace {

/// -log softmax(logits)[token], in float64.
double loss_of(std::span<const float> logits, token_id token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const double logit : logits)
    total += std::exp(logit - largest);
  return std::log(total) + largest - logits[static_cast<size_t>(token)];
}

} // namespace

double text_score::perplexity() const {
  return predicted > 0 ? std::exp(loss / predicted) : 1;
}

perplexity::perplexity(const language_model& model, thread_pool& threads, int32_t tokens_max,
                       int32_t step_tokens)
    : model_(model), threads_(threads), step_tokens_(step_tokens), scratch_(model.shape(), step_tokens),
      pages_(static_cast<size_t>(pages_of(tokens_max))), kv_(pages_.size() * model.page_bytes()),
      logits_(static_cast<size_t>(step_tokens) * static_cast<size_t>(model.shape().vocabulary)) {
  std::iota(pages_.begin(), pages_.end(), 0);
}

result<text_score> perplexity::score(std::span<const token_id> tokens,
                                     const std::function<void(int32_t)>& done) {
  const auto vocabulary = static_cast<size_t>(model_.shape().vocabulary);
  losses_.clear();
  for (size_t at = 0; at < tokens.size();) {
    const auto count = std::min(static_cast<size_t>(step_tokens_), tokens.size() - at);
    const sequence_slice slice{.tokens = tokens.subspan(at, count),
                               .position = static_cast<int32_t>(at),
                               .block_table = pages_,
                               .logit_rows = static_cast<int32_t>(count)};
    const auto logits = std::span(logits_).first(count * vocabulary);
    if (auto ok = model_.forward({&slice, 1}, {kv_.data(), kv_.size()}, scratch_, threads_, logits); !ok)
      return forward_error(ok);
    for (size_t i = 0; i < count && at + i + 1 < tokens.size(); ++i)
      losses_.push_back(loss_of(logits.subspan(i * vocabulary, vocabulary), tokens[at + i + 1]));
    at += count;
    if (done)
      done(static_cast<int32_t>(at));
  }
  return text_score{std::accumulate(losses_.begin(), losses_.end(), 0.0),
                    static_cast<int32_t>(losses_.size())};
}

} // namespace troupe
