#pragma once

#include "actors/batch_planner.hpp"
#include "actors/page_book.hpp"
#include "actors/step_runner.hpp"

#include "tests/sim/message_edge.hpp"
#include "tests/sim/page_shadow.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::sim {

/// How slow each edge inside an engine is.
struct engine_edges {
  double to_batcher = 1, to_executor = 1, to_pages = 1, results = 1, grants = 1;
};

struct life_options {
  planner_limits limits;
  int32_t page_count = 0; // resources.pages has one more
  engine_edges edges;
  std::function<void(step_result)> to_ledger;
  std::function<void(step_plan&)> before_step; // may change it, which had better be noticed; empty: nothing
};

/// The actors of an engine from one restart to the next: batcher, executor and page manager without CAF, and
/// the messages between them. Checks what must hold of every plan, page and credit; throws world_failure.
class engine_life {
public:
  /// clock and shadow must outlive it.
  engine_life(const engine_resources& resources, epoch_number epoch, life_options options,
              manual_clock& clock, page_shadow& shadow);

  // To the batcher, through the engine supervisor. Epochs are the caller's business.
  void dispatch(dispatch_sequence sequence);
  void cancel(sequence_id id);
  void acknowledge(uint64_t step);
  void probe();

  /// What may be delivered now.
  void offer(std::vector<choice>& out);

  /// When the batcher wants to be woken; absent: not at all.
  std::optional<steady_time> wake_at() const { return wake_at_; }
  void wake();

  /// The batcher or the page manager died: the executor may still run the step that it has in its mailbox.
  void run_last_step();

  epoch_number epoch() const { return epoch_; }
  bool quiet() const;       // no message, no sequence
  std::string rest() const; // what is not, as a sentence
  int32_t unused_pages() const { return book_.free_pages() + book_.idle_pages(); }

  struct counts {
    int64_t steps = 0, preempted = 0, canaries = 0, health_reports = 0;
    int64_t apart = 0;         // steps of suspects
    int64_t cached_tokens = 0; // of prompts, that were not computed again
    int64_t page_waits = 0;    // for a page that another sequence computes
  };
  counts counted() const;

private:
  struct known_sequence {
    dispatch_sequence dispatch;
    std::vector<token_id> tokens; // prompt and answer
    int32_t apart = 0;            // tokens until it belongs to group 0
    bool started = false;

    int32_t group() const { return apart > 0 ? dispatch.group : 0; }
  };

  void act(batch_planner::effects effects);
  void answer_pages(const page_request& request);
  step_result run_step(step_plan plan);
  void check_plan(const step_plan& plan);
  void note_tokens(const step_result& result);

  epoch_number epoch_;
  life_options options_;
  manual_clock& clock_;
  page_shadow& shadow_;
  batch_planner planner_;
  step_runner runner_;
  page_book book_;
  message_edge to_batcher_{"to the batcher"}, to_executor_{"a step runs"}, to_pages_{"pages are asked for"};
  message_edge results_{"the batcher gets a result"}, grants_{"the batcher gets pages"};
  std::optional<step_plan> waiting_plan_; // in the executor's mailbox
  std::optional<steady_time> wake_at_;
  std::map<sequence_id, known_sequence> sequences_; // as the executor and the ledger know them
  std::vector<uint64_t> unacknowledged_; // steps with tokens, until the batcher hears of the ledger's word
  uint64_t last_step_ = 0;
  counts counts_;
};

} // namespace troupe::sim
