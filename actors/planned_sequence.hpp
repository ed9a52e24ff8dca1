#pragma once

#include "actors/fair_share.hpp"
#include "actors/messages.hpp"
#include "base/clock.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace troupe {

/// What the batch planner knows of a sequence.
struct planned_sequence {
  dispatch_sequence dispatch; // emitted grows as tokens come
  steady_time arrived{};
  steady_time first_step{};
  fair_share::account* account = nullptr;

  int32_t computed = 0;      // positions whose keys and values are in pages
  int32_t reported = 0;      // full pages that the page manager knows to be computed
  int32_t cached_tokens = 0; // of the prompt, when it first got pages
  std::vector<page_id> block_table;
  std::shared_ptr<const page_chain> prefix; // of what is known, while it has no pages

  bool started = false;   // the executor has its sampler state
  bool running = false;   // it took part in a step, and has its pages since
  bool in_step = false;   // of the running step
  bool cancelled = false; // dropped when its step ends
  bool starved = false;   // its last page request was refused

  bool awaits = false;        // another sequence is computing its next page
  bool may_wait = true;       // false: it waited long enough
  int32_t awaited_tokens = 0; // found at the last answer
  uint64_t awaited_step = 0;  // the step at which that was more than before

  int32_t known() const; // prompt and emitted tokens
  std::vector<token_id> tokens(int32_t from, int32_t to) const;
  int32_t capacity() const; // positions its pages cover
  /// The tokens of its prompt are ranked: each takes a row of logits, and none comes from the prefix cache.
  bool scored() const { return dispatch.spec.prompt_logprobs && dispatch.emitted.empty(); }

  bool holds_pages() const { return !block_table.empty(); }

  /// Positions to have pages for: all that is known, and one more while a step may be adding it; never past
  /// the answer's end.
  int32_t wanted() const;

  /// Positions to have pages for now: all of those, or so many past the computed ones if `ahead` is above 0.
  int32_t wanted_now(int32_t ahead) const {
    return ahead > 0 ? std::min(wanted(), computed + ahead) : wanted();
  }

  /// The full pages computed since the last call.
  computed_pages newly_computed();

  /// A token of the answer came.
  void take(token_id token);

  /// Everything that is computed is given up.
  void give_way();
};

} // namespace troupe
