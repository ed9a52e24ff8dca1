#include "cli/bench/engine_bench.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace troupe {

namespace {

int32_t pages_for(int32_t tokens) {
  return (tokens + page_tokens - 1) / page_tokens;
}

} // namespace

engine_bench::engine_bench(const language_model& model, thread_pool& threads, const time_source& clock,
                           const engine_bench_options& options)
    : model_(model), threads_(threads), clock_(clock), options_(options),
      decode_pages_(pages_for(options.decode_tokens_max)),
      scratch_(model.shape(), std::max(options.batch_tokens_max, options.batch_size_max)),
      pages_(std::max(pages_for(options.prompt_tokens_max), decode_pages_ * options.batch_size_max)),
      tokens_(std::max(options.prompt_tokens_max, options.decode_tokens_max)),
      logits_(static_cast<size_t>(options.batch_size_max) * model.shape().vocabulary),
      chosen_(static_cast<size_t>(options.batch_size_max)) {
  std::iota(pages_.begin(), pages_.end(), 0);
  std::mt19937_64 random(1);
  for (token_id& token : tokens_)
    token = static_cast<token_id>(random() % static_cast<uint64_t>(model.shape().vocabulary));
}

result<std::unique_ptr<engine_bench>> engine_bench::create(const language_model& model, thread_pool& threads,
                                                           const time_source& clock,
                                                           const engine_bench_options& options) {
  std::unique_ptr<engine_bench> out(new engine_bench(model, threads, clock, options));
  auto pages = model.make_pages(static_cast<int32_t>(out->pages_.size()));
  if (!pages)
    return forward_error(pages);
  out->kv_ = std::move(*pages);
  return out;
}

std::span<const page_id> engine_bench::decode_pages(int32_t sequence) const {
  return std::span(pages_).subspan(static_cast<size_t>(sequence) * decode_pages_, decode_pages_);
}

/// Its logits, or the greedy token where the model chooses it. Their number: of rows of logits.
size_t engine_bench::ask(sequence_slice& slice, size_t index) {
  if (!model_.chooses_greedily()) {
    slice.logit_rows = 1;
    return 1;
  }
  slice.greedy = &chosen_[index];
  return 0;
}

std::span<float> engine_bench::logits(size_t rows) {
  return std::span(logits_).first(rows * static_cast<size_t>(model_.shape().vocabulary));
}

/// The prompt of one sequence, in steps of batch_tokens_max.
status engine_bench::fill(std::span<const page_id> pages, int32_t tokens) {
  for (int32_t at = 0; at < tokens;) {
    int32_t count = std::min(options_.batch_tokens_max, tokens - at);
    sequence_slice slice{
        .tokens = std::span(tokens_).subspan(at, count), .position = at, .block_table = pages};
    size_t rows = at + count == tokens ? ask(slice, 0) : 0;
    if (auto ok = model_.forward({&slice, 1}, kv_->bytes(), scratch_, threads_, logits(rows)); !ok)
      return ok;
    at += count;
  }
  return {};
}

/// One token of each sequence.
status engine_bench::step_all(int32_t batch, int32_t position) {
  std::vector<sequence_slice> slices;
  size_t rows = 0;
  for (int32_t i = 0; i < batch; ++i) {
    slices.push_back({.tokens = std::span(tokens_).subspan(position, 1),
                      .position = position,
                      .block_table = decode_pages(i)});
    rows += ask(slices.back(), static_cast<size_t>(i));
  }
  return model_.forward(slices, kv_->bytes(), scratch_, threads_, logits(rows));
}

template <class Work>
result<std::vector<double>> engine_bench::measure(double tokens, const Work& work) {
  std::vector<double> rates;
  for (int32_t round = -options_.warmup_rounds; round < options_.rounds; ++round) {
    steady_time start = clock_.now();
    if (auto ok = work(); !ok)
      return forward_error(ok);
    std::chrono::duration<double> seconds = clock_.now() - start;
    if (round >= 0)
      rates.push_back(tokens / std::max(seconds.count(), 1e-9));
  }
  return rates;
}

result<std::vector<double>> engine_bench::prefill(int32_t prompt_tokens) {
  return measure(prompt_tokens, [&] { return fill(pages_, prompt_tokens); });
}

result<std::vector<double>> engine_bench::decode(int32_t batch, int32_t context_tokens, int32_t steps) {
  for (int32_t i = 0; i < batch; ++i)
    if (auto ok = fill(decode_pages(i), context_tokens); !ok)
      return forward_error(ok);
  // Every round writes the same positions again, so that all rounds do the same work.
  return measure(static_cast<double>(batch) * steps, [&]() -> status {
    for (int32_t step = 0; step < steps; ++step)
      if (auto ok = step_all(batch, context_tokens + step); !ok)
        return ok;
    return {};
  });
}

} // namespace troupe
