#pragma once

#include "actors/batching_window.hpp"
#include "actors/fair_share.hpp"
#include "actors/group_turns.hpp"
#include "actors/messages.hpp"
#include "actors/planned_sequence.hpp"
#include "actors/step_budget.hpp"
#include "base/attention_window.hpp"
#include "base/clock.hpp"

#include <map>
#include <optional>
#include <vector>

namespace troupe {

struct planner_limits {
  int32_t max_batch_size = 32;    // sequences in a step
  int32_t max_batch_tokens = 512; // tokens in a step
  microseconds step_time_max{200'000};
  double step_stretch_max = 2.5; // see step_budget
  microseconds batch_window{50'000};
  window_kind batch_window_kind = window_kind::adaptive;
  page_id canary_page = 0;                // one page outside the pool
  microseconds priority_level{1'000'000}; // waiting this long is worth one level of priority
  bool prefix_cache = true;
  uint64_t numeric_class = 0;   // pages of another one are no use
  attention_window window = {}; // of the model: a row has no pages that it does not see
  int32_t tokens_ahead = 0; // a sequence gets pages for so many that are not computed; 0: for all it knows
};

/// Continuous batching: which tokens the next step computes. Decode first, then chunks of waiting prompts.
/// Who goes first: the lower class; in it the tenant that was served least (fair_share); of one tenant, the
/// first who came. A class is the priority, and falls by one for each `priority_level` since arrival, but
/// never below the lowest priority present. So a request with p levels more than the best ones competes with
/// them as their equal after p * priority_level at the latest: no priority starves.
/// One step is in flight, and one page request; pages for step n+1 are asked for while step n runs. Plain
/// code: the batcher actor sends what each event returns.
class batch_planner {
public:
  struct effects {
    std::optional<step_plan> plan;      // to the executor
    std::optional<page_request> pages;  // to the page manager
    std::optional<steady_time> wake_at; // call wake() then
    std::optional<health_report> health;
    std::optional<microseconds> waited;  // this plan's oldest sequence waited so long for company
    std::vector<microseconds> queued;    // of sequences in their first step: since they came
    std::vector<microseconds> prefilled; // of sequences with their first token: since their first step
    int32_t preempted = 0;
  };

  explicit batch_planner(planner_limits limits);

  effects add(dispatch_sequence sequence, steady_time now);
  effects cancel(sequence_id id, steady_time now);
  effects grants(page_grants grants, steady_time now);
  effects step_done(const step_result& result, steady_time now);
  effects acknowledge(uint64_t step, steady_time now);
  effects wake(steady_time now);
  effects probe(steady_time now);

  /// Pages that sequences await may be there.
  effects pages_arrived(steady_time now);

  int32_t running() const;
  int32_t waiting() const { return static_cast<int32_t>(sequences_.size()) - running(); }

private:
  using sequence = planned_sequence;

  effects advance(steady_time now);
  void drop(sequence_id id);
  void preempt_for_starved(effects&, steady_time now);
  void plan_step(effects&, steady_time now);
  int32_t add_rows(step_plan&, effects&, const std::vector<sequence*>& from, int32_t budget, steady_time now);
  void add_row(step_plan&, sequence&, int32_t tokens);
  void note_rows(const step_result& result);
  void take_token(const sampled_token& token, effects&, steady_time now);
  void take_grant(sequence&, const page_grant&);
  void request_pages(effects&, steady_time now);
  void ask_again(const page_request& request);
  page_need need_of(sequence&) const;
  bool hold_for_company(effects&, steady_time now);

  int32_t class_of(const sequence&, steady_time now) const;
  std::vector<sequence*> holders(steady_time now); // of pages: by class, then arrival
  std::vector<sequence*> waiters();                // for pages: by arrival
  bool goes_before(const sequence& a, const sequence& b, steady_time now) const;

  planner_limits limits_;
  batching_window window_;
  fair_share shares_;
  group_turns turns_;
  std::map<sequence_id, sequence> sequences_; // ids rise with arrival
  std::map<int32_t, int32_t> priorities_;     // how many sequences have each
  std::vector<computed_pages> computed_;      // to report with the next page request
  std::vector<sequence_id> released_;         // pages to give back with the next page request
  std::vector<sequence_id> ended_;            // sampler states to drop with the next plan
  std::vector<step_row> in_flight_;           // rows of the running step, without tokens
  bool step_in_flight_ = false;
  bool pages_in_flight_ = false;
  bool probe_pending_ = false;
  uint64_t last_step_ = 0;
  uint64_t acknowledged_ = 0;            // the highest
  std::vector<uint64_t> unacknowledged_; // steps whose tokens the ledger has not confirmed
  int32_t prefill_in_flight_ = 0;        // tokens of the running step that are not decode rows
  step_budget budget_;
};

} // namespace troupe
