#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kernels/cpu/thread_pool.hpp"
#include "memory/kv_store.hpp"
#include "model/forward_scratch.hpp"
#include "model/language_model.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe {

struct engine_bench_options {
  int32_t batch_tokens_max = 512;  // prefill is cut into steps of this
  int32_t batch_size_max = 1;      // sequences
  int32_t prompt_tokens_max = 128; // of prefill()
  int32_t decode_tokens_max = 128; // context and steps of decode()
  int32_t warmup_rounds = 1;
  int32_t rounds = 5;
};

/// Times the forward pass alone: no actors, no sampling but a device's own greedy choice, tokens drawn from a
/// fixed seed.
class engine_bench {
public:
  /// Errors: of make_pages.
  static result<std::unique_ptr<engine_bench>> create(const language_model&, thread_pool&, const time_source&,
                                                      const engine_bench_options&);

  /// Tokens per second of each round: one sequence's prompt, logits for its last token only.
  result<std::vector<double>> prefill(int32_t prompt_tokens);

  /// Tokens per second of each round over all sequences: `steps` steps of one token each after
  /// context_tokens.
  result<std::vector<double>> decode(int32_t batch, int32_t context_tokens, int32_t steps);

  size_t kv_bytes() const { return kv_->bytes().size(); }
  size_t scratch_bytes() const { return scratch_.bytes(); }

private:
  engine_bench(const language_model&, thread_pool&, const time_source&, const engine_bench_options&);

  status fill(std::span<const page_id> pages, int32_t tokens);
  std::span<const page_id> decode_pages(int32_t sequence) const;
  size_t ask(sequence_slice& slice, size_t index);
  std::span<float> logits(size_t rows);
  status step_all(int32_t batch, int32_t position);

  template <class Work>
  result<std::vector<double>> measure(double tokens, const Work& work);

  const language_model& model_;
  thread_pool& threads_;
  const time_source& clock_;
  engine_bench_options options_;
  int32_t decode_pages_; // of one sequence
  forward_scratch scratch_;
  std::vector<page_id> pages_;
  std::vector<token_id> tokens_; // the same for every sequence
  std::vector<float> logits_;    // [batch_size_max, vocabulary]
  std::vector<token_id> chosen_; // [batch_size_max]
  std::shared_ptr<kv_store> kv_;
};

} // namespace troupe
