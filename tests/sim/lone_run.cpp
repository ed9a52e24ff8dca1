#include "tests/sim/lone_run.hpp"

#include "base/page_size.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "model/log_softmax.hpp"
#include "model/sampler.hpp"
#include "supervision/ledger_entry.hpp"
#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace troupe::sim {

namespace {

/// The model over one sequence.
class lone_runner {
public:
  lone_runner(const language_model& model, const sequence_spec& spec)
      : model_(model), vocabulary_(static_cast<size_t>(model.shape().vocabulary)),
        table_(static_cast<size_t>(pages_of(static_cast<int32_t>(spec.prompt.size()) + spec.max_tokens))),
        pages_(table_.size() * model.page_bytes()),
        scratch_(model.shape(), static_cast<int32_t>(spec.prompt.size())) {
    std::iota(table_.begin(), table_.end(), 0);
  }

  /// Logits of the last `rows` tokens.
  std::span<float> compute(const std::vector<token_id>& tokens, int32_t rows) {
    logits_.resize(vocabulary_ * static_cast<size_t>(rows));
    const sequence_slice slice{tokens, position_, table_, rows};
    const auto done =
        model_.forward({&slice, 1}, {pages_.data(), pages_.size()}, scratch_, threads_, logits_);
    require(done.has_value(), "the lone run failed");
    position_ += static_cast<int32_t>(tokens.size());
    return logits_;
  }

  std::span<float> row(size_t index) { return std::span(logits_).subspan(index * vocabulary_, vocabulary_); }

private:
  const language_model& model_;
  size_t vocabulary_;
  std::vector<page_id> table_;
  aligned_buffer pages_;
  forward_scratch scratch_;
  thread_pool threads_{1};
  std::vector<float> logits_;
  int32_t position_ = 0;
};

logprob_list rank_prompt(lone_runner& runner, const sequence_spec& spec) {
  std::vector<token_logprobs> out(spec.prompt.size());
  out[0].chosen.token = spec.prompt[0];
  for (size_t i = 1; i < out.size(); ++i) {
    const auto logits = runner.row(i - 1);
    out[i] = rank_token(*log_softmax::of(logits), logits, spec.prompt[i], *spec.prompt_logprobs);
  }
  return std::make_shared<const std::vector<token_logprobs>>(std::move(out));
}

} // namespace

std::string word_of(token_id token) {
  return "<" + std::to_string(token) + ">";
}

make_text_decoder words() {
  return [] { return [](std::optional<token_id> token) { return token ? word_of(*token) : std::string{}; }; };
}

uint64_t hash_of(std::span<const float> logits) {
  uint64_t hash = 14695981039346656037u;
  for (const auto logit : logits)
    hash = (hash ^ std::bit_cast<uint32_t>(logit)) * 1099511628211u;
  return hash;
}

lone_answer run_alone(const language_model& model, const open_entry& request) {
  const auto& spec = request.spec;
  auto ends = spec.end_tokens;
  ends.insert(ends.end(), spec.stop_tokens.begin(), spec.stop_tokens.end());
  sampler choose(spec.sampling, model.shape().vocabulary, spec.prompt, {}, ends);
  lone_runner runner(model, spec);
  ledger_entry entry(1, request, 0, words()(), {}, word_of);
  entry.begin();

  lone_answer out;
  auto tokens = spec.prompt;
  size_t told = 0;
  while (!entry.ended()) {
    const auto rows = spec.prompt_logprobs && out.tokens.empty() ? tokens.size() : size_t{1};
    runner.compute(tokens, static_cast<int32_t>(rows));
    const auto logits = runner.row(rows - 1);
    out.logits.push_back(hash_of(logits));
    sampled_token token{.id = 1, .position = static_cast<int32_t>(out.tokens.size())};
    if (spec.prompt_logprobs && out.tokens.empty())
      token.prompt_logprobs = rank_prompt(runner, spec);
    std::vector<token_logprobs> ranked(1);
    const auto drawn = choose.sample(logits, spec.sampling.logprobs ? ranked.data() : nullptr);
    require(drawn.has_value(), "the lone run's logits are not finite");
    token.token = *drawn;
    if (spec.sampling.logprobs)
      token.logprobs = std::make_shared<const std::vector<token_logprobs>>(std::move(ranked));
    if (std::find(ends.begin(), ends.end(), *drawn) != ends.end())
      token.finish = finish_reason::stop;
    else if (token.position + 1 == spec.max_tokens)
      token.finish = finish_reason::length;
    tokens.assign(1, *drawn);
    out.tokens.push_back(*drawn);
    entry.append(token);
    while (const auto* event = entry.next_unsent(1LL << 40)) {
      out.events.push_back(*event);
      if (event->kind == event_kind::output_text_delta)
        told += event->text.size();
    }
    out.told.push_back(told);
  }
  return out;
}

} // namespace troupe::sim
