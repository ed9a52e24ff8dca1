#include "actors/step_runner.hpp"

#include "base/check.hpp"
#include "kernels/errors.hpp"
#include "model/log_softmax.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

int64_t us_between(steady_time from, steady_time to) {
  return std::chrono::duration_cast<microseconds>(to - from).count();
}

} // namespace

step_runner::step_runner(engine_resources resources, epoch_number epoch, int32_t max_batch_size,
                         int32_t max_batch_tokens)
    : resources_(std::move(resources)), epoch_(epoch),
      logits_(static_cast<size_t>(max_batch_size) *
              static_cast<size_t>(resources_.model->shape().vocabulary)),
      scratch_(resources_.model->shape(), max_batch_tokens) {}

void step_runner::start(const dispatch_sequence& sequence) {
  const auto& spec = sequence.spec;
  auto end_tokens = spec.end_tokens;
  end_tokens.insert(end_tokens.end(), spec.stop_tokens.begin(), spec.stop_tokens.end());
  std::sort(end_tokens.begin(), end_tokens.end());
  sampler choose(spec.sampling, resources_.model->shape().vocabulary, spec.prompt, sequence.emitted,
                 end_tokens);
  answer made{std::move(choose),
              spec.max_tokens,
              std::move(end_tokens),
              spec.sampling.logprobs.has_value(),
              spec.prompt_logprobs.value_or(0),
              {}};
  if (spec.prompt_logprobs && sequence.emitted.empty()) { // else the ledger has them
    made.prompt_rank.resize(spec.prompt.size());
    for (size_t i = 0; i < spec.prompt.size(); ++i)
      made.prompt_rank[i].chosen.token = spec.prompt[i];
  }
  answers_.insert_or_assign(sequence.id, std::move(made));
}

/// Whether the model chooses the row's token, so that it brings no logits.
bool step_runner::is_greedy(const step_row& row) {
  if (!row.sample || row.score || !resources_.model->chooses_greedily())
    return false;
  const auto& known = answer_of(row);
  return !known.logprobs && known.choose.is_greedy();
}

/// Rows of logits in the order of the plan's rows and tokens, as forward() writes them, and its slices.
step_runner::divided_plan step_runner::divide(const step_plan& plan, std::vector<sampled_token>& sampled) {
  const auto vocabulary = static_cast<size_t>(resources_.model->shape().vocabulary);
  const auto all = std::span(logits_);
  divided_plan out;
  sampled.resize(static_cast<size_t>(
      std::count_if(plan.rows.begin(), plan.rows.end(), [](const step_row& row) { return row.sample; })));
  size_t next = 0;
  for (const auto& row : plan.rows) {
    const bool greedy = is_greedy(row);
    const size_t wanted = greedy ? 0 : row.score ? row.tokens.size() : row.sample ? 1 : 0;
    for (auto index = row.tokens.size() - wanted; index < row.tokens.size(); ++index) {
      TROUPE_CHECK((out.rows.size() + 1) * vocabulary <= all.size(),
                   "more rows of logits than max_batch_size");
      const bool sample = row.sample && index + 1 == row.tokens.size();
      out.rows.push_back({&row, index, all.subspan(out.rows.size() * vocabulary, vocabulary),
                          sample ? &sampled[next++] : nullptr});
    }
    out.slices.push_back({.tokens = row.tokens,
                          .position = row.position,
                          .block_table = row.block_table,
                          .logit_rows = static_cast<int32_t>(wanted),
                          .greedy = greedy ? &sampled[next].token : nullptr});
    if (greedy)
      out.greedy.push_back({&row, &sampled[next++]});
  }
  return out;
}

void step_runner::check_poison(const step_plan& plan) const {
  for (const auto& row : plan.rows)
    if (auto found = answers_.find(row.id); found != answers_.end())
      resources_.poisoned->strike(found->second.choose.params().seed);
}

step_result step_runner::run(const step_plan& plan) {
  const std::unique_lock lease(*resources_.lease, std::try_to_lock);
  TROUPE_CHECK(lease.owns_lock(), "a step of an earlier life still runs");
  const auto begin = resources_.clock->now();
  std::vector<sequence_id> sequences;
  step_result result{
      .epoch = epoch_, .step = plan.step, .tokens = {}, .computed_tokens = 0, .step_us = 0, .idle_us = 0};
  for (const auto& row : plan.rows) {
    sequences.push_back(row.id);
    result.computed_tokens += static_cast<int32_t>(row.tokens.size());
  }
  resources_.record->begin(sequences, begin);
  for (auto id : plan.ended)
    answers_.erase(id);
  for (const auto& sequence : plan.started)
    start(sequence);
  check_poison(plan);

  const auto [rows, slices, greedy] = divide(plan, result.tokens);
  const auto logits =
      std::span(logits_).first(rows.size() * static_cast<size_t>(resources_.model->shape().vocabulary));
  const auto done =
      resources_.model->forward(slices, resources_.pages->bytes(), scratch_, *resources_.threads, logits);
  if (!done && done.error().is(kernel_error::device_failed) && resources_.device_lost)
    resources_.device_lost(done.error());
  TROUPE_CHECK(done.has_value(), done.error().what());

  for (const auto& [row, sampled] : greedy)
    *sampled = take(*row, sampled->token);
  resources_.threads->run(rows.size(), [&, &all = rows](size_t index) {
    const auto& at = all[index];
    if (at.sampled)
      *at.sampled = sample(*at.row, at.logits);
    else
      rank_next(at);
  });
  for (auto& token : result.tokens)
    if (token.position == 0)
      add_prompt(token);
  const auto end = resources_.clock->now();
  result.step_us = us_between(begin, end);
  result.idle_us = us_between(last_end_, begin);
  last_end_ = end;
  resources_.record->end();
  return result;
}

step_runner::answer& step_runner::answer_of(const step_row& row) {
  auto found = answers_.find(row.id);
  TROUPE_CHECK(found != answers_.end(), fmt::format("sequence {} was never started", row.id));
  return found->second;
}

sampled_token step_runner::sample(const step_row& row, std::span<float> logits) {
  auto& known = answer_of(row);
  std::vector<token_logprobs> ranked(known.logprobs ? 1 : 0);
  const auto token = known.choose.sample(logits, known.logprobs ? ranked.data() : nullptr);
  auto out = outcome_of(row, known, token ? *token : -1);
  if (token && known.logprobs)
    out.logprobs = std::make_shared<const std::vector<token_logprobs>>(std::move(ranked));
  return out;
}

sampled_token step_runner::take(const step_row& row, token_id token) {
  auto& known = answer_of(row);
  if (token >= 0)
    known.choose.take_greedy(token);
  return outcome_of(row, known, token);
}

/// Of a token that the answer's sampler has counted; -1: of none, the logits were not finite.
sampled_token step_runner::outcome_of(const step_row& row, const answer& known, token_id token) {
  const auto emitted = static_cast<int32_t>(known.choose.emitted_count());
  sampled_token out{.id = row.id,
                    .position = token < 0 ? emitted : emitted - 1,
                    .token = 0,
                    .finish = finish_reason::none,
                    .cached_tokens = row.cached_tokens};
  if (token < 0) {
    out.finish = finish_reason::error;
    return out;
  }
  out.token = token;
  if (std::binary_search(known.end_tokens.begin(), known.end_tokens.end(), token))
    out.finish = finish_reason::stop;
  else if (out.position + 1 >= known.max_tokens)
    out.finish = finish_reason::length;
  return out;
}

/// What stands in the prompt behind the row's token; the ranks of what is not finite stay 0.
void step_runner::rank_next(const logits_row& at) {
  auto& known = answer_of(*at.row);
  const auto position = static_cast<size_t>(at.row->position) + at.index + 1;
  TROUPE_CHECK(position < known.prompt_rank.size(), "a rank wanted where no prompt is");
  auto& next = known.prompt_rank[position];
  if (const auto probabilities = log_softmax::of(at.logits))
    next = rank_token(*probabilities, at.logits, next.chosen.token, known.prompt_alternatives);
}

void step_runner::add_prompt(sampled_token& first) {
  auto& ranks = answers_.at(first.id).prompt_rank;
  if (ranks.empty())
    return;
  if (std::any_of(ranks.begin() + 1, ranks.end(), [](auto& each) { return each.chosen.rank == 0; }))
    first.finish = finish_reason::error;
  first.prompt_logprobs = std::make_shared<const std::vector<token_logprobs>>(std::exchange(ranks, {}));
}

} // namespace troupe
