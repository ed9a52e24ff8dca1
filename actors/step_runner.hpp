#pragma once

#include "actors/directory_tier.hpp"
#include "actors/faults.hpp"
#include "actors/messages.hpp"
#include "actors/step_record.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "kernels/cpu/thread_pool.hpp"
#include "memory/kv_store.hpp"
#include "model/language_model.hpp"
#include "model/sampler.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace troupe {

/// What an engine keeps across restarts of its actors: weights are not loaded and pages not allocated again.
struct engine_resources {
  std::shared_ptr<const language_model> model;
  std::shared_ptr<kv_store> pages; // one more than the page manager hands out: the canary's
  std::shared_ptr<thread_pool> threads;
  std::shared_ptr<step_record> record;
  std::shared_ptr<std::mutex> lease; // held during a step: two lives never write the pages at once
  const time_source* clock = nullptr;
  std::shared_ptr<poisoned_seeds> poisoned = std::make_shared<poisoned_seeds>(); // for tests
  std::shared_ptr<directory_tier> tier = nullptr; // where evicted pages go; null: nowhere
  /// Told of a step that failed because its card computes no more: in an engine's own process it does not
  /// return. Empty: the step throws, as for any other error.
  std::function<void(const error&)> device_lost = {};
};

/// One ragged forward pass and sampling: the executor without the actor.
class step_runner {
public:
  step_runner(engine_resources resources, epoch_number epoch, int32_t max_batch_size,
              int32_t max_batch_tokens);

  /// Throws broken_invariant where the plan contradicts itself or the model's shapes.
  step_result run(const step_plan& plan);

private:
  struct answer {
    sampler choose;
    int32_t max_tokens;
    std::vector<token_id> end_tokens;        // the request's stop tokens among them
    bool logprobs;                           // of its tokens
    int32_t prompt_alternatives;             // of the prompt's tokens, where they are ranked
    std::vector<token_logprobs> prompt_rank; // [prompt]; the first has no rank. Empty: not asked for
  };

  /// One row of logits: of the token at `index` in the row of the plan.
  struct logits_row {
    const step_row* row;
    size_t index;
    std::span<float> logits;
    sampled_token* sampled; // null: ranks the prompt's next token
  };

  /// One row whose token the model chooses.
  struct greedy_row {
    const step_row* row;
    sampled_token* sampled;
  };

  struct divided_plan {
    std::vector<logits_row> rows;
    std::vector<sequence_slice> slices; // one a row of the plan
    std::vector<greedy_row> greedy;
  };

  void start(const dispatch_sequence& sequence);
  void check_poison(const step_plan& plan) const;
  bool is_greedy(const step_row& row);
  divided_plan divide(const step_plan& plan, std::vector<sampled_token>& sampled);
  answer& answer_of(const step_row& row);
  sampled_token sample(const step_row& row, std::span<float> logits);
  sampled_token take(const step_row& row, token_id token);
  static sampled_token outcome_of(const step_row& row, const answer& known, token_id token);
  void rank_next(const logits_row& at);
  void add_prompt(sampled_token& first);

  engine_resources resources_;
  epoch_number epoch_;
  std::unordered_map<sequence_id, answer> answers_;
  std::vector<float> logits_; // [max_batch_size, vocabulary]
  forward_scratch scratch_;
  steady_time last_end_{};
};

} // namespace troupe
