#include "actors/step_runner.hpp"

#include "base/check.hpp"

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
  sampler choose(spec.sampling, resources_.model->shape().vocabulary, spec.prompt, sequence.emitted);
  answers_.insert_or_assign(sequence.id, answer{std::move(choose), spec.max_tokens, spec.end_tokens});
}

step_result step_runner::run(const step_plan& plan) {
  const std::unique_lock lease(*resources_.lease, std::try_to_lock);
  TROUPE_CHECK(lease.owns_lock(), "a step of an earlier life still runs");
  const auto begin = resources_.clock->now();
  std::vector<sequence_id> sequences;
  std::vector<sequence_slice> slices;
  step_result result{
      .epoch = epoch_, .step = plan.step, .tokens = {}, .computed_tokens = 0, .step_us = 0, .idle_us = 0};
  for (const auto& row : plan.rows) {
    sequences.push_back(row.id);
    slices.push_back({.tokens = row.tokens,
                      .position = row.position,
                      .block_table = row.block_table,
                      .logit_rows = row.sample ? 1 : 0});
    result.computed_tokens += static_cast<int32_t>(row.tokens.size());
  }
  resources_.record->begin(std::move(sequences));
  for (auto id : plan.ended)
    answers_.erase(id);
  for (const auto& sequence : plan.started)
    start(sequence);

  std::vector<const step_row*> sampled;
  for (const auto& row : plan.rows)
    if (row.sample)
      sampled.push_back(&row);
  const auto vocabulary = static_cast<size_t>(resources_.model->shape().vocabulary);
  TROUPE_CHECK(sampled.size() * vocabulary <= logits_.size(), "more rows than max_batch_size");
  const auto logits = std::span(logits_).first(sampled.size() * vocabulary);
  const auto done =
      resources_.model->forward(slices, resources_.pages->bytes(), scratch_, *resources_.threads, logits);
  TROUPE_CHECK(done.has_value(), done.error().what());

  result.tokens.resize(sampled.size());
  resources_.threads->run(sampled.size(), [&](size_t index) {
    result.tokens[index] = sample(*sampled[index], logits.subspan(index * vocabulary, vocabulary));
  });
  const auto end = resources_.clock->now();
  result.step_us = us_between(begin, end);
  result.idle_us = us_between(last_end_, begin);
  last_end_ = end;
  resources_.record->end();
  return result;
}

sampled_token step_runner::sample(const step_row& row, std::span<float> logits) {
  auto found = answers_.find(row.id);
  TROUPE_CHECK(found != answers_.end(), fmt::format("sequence {} was never started", row.id));
  auto& known = found->second;
  sampled_token out{.id = row.id,
                    .position = static_cast<int32_t>(known.choose.emitted_count()),
                    .token = 0,
                    .finish = finish_reason::none,
                    .cached_tokens = row.cached_tokens};
  const auto token = known.choose.sample(logits);
  if (!token) {
    out.finish = finish_reason::error;
    return out;
  }
  out.token = *token;
  if (std::find(known.end_tokens.begin(), known.end_tokens.end(), *token) != known.end_tokens.end())
    out.finish = finish_reason::stop;
  else if (out.position + 1 >= known.max_tokens)
    out.finish = finish_reason::length;
  return out;
}

} // namespace troupe
