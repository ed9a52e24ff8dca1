#include "tests/sim/engine_life.hpp"

#include "base/page_size.hpp"
#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace troupe::sim {

namespace {

constexpr size_t unacknowledged_max = 2; // executor → ledger credit, in steps with tokens

} // namespace

engine_life::engine_life(const engine_resources& resources, epoch_number epoch, life_options options,
                         manual_clock& clock, page_shadow& shadow)
    : epoch_(epoch), options_(std::move(options)), clock_(clock), shadow_(shadow), planner_(options_.limits),
      runner_(resources, epoch, options_.limits.max_batch_size, options_.limits.max_batch_tokens),
      book_(options_.page_count, options_.limits.window) {
  to_batcher_.weight = options_.edges.to_batcher;
  to_executor_.weight = options_.edges.to_executor;
  to_pages_.weight = options_.edges.to_pages;
  results_.weight = options_.edges.results;
  grants_.weight = options_.edges.grants;
}

void engine_life::dispatch(dispatch_sequence sequence) {
  to_batcher_.send([this, sequence = std::move(sequence)] {
    auto& known = sequences_[sequence.id];
    known.dispatch = sequence;
    known.apart = sequence.apart_tokens;
    known.tokens = sequence.spec.prompt;
    known.tokens.insert(known.tokens.end(), sequence.emitted.begin(), sequence.emitted.end());
    act(planner_.add(sequence, clock_.now()));
  });
}

void engine_life::cancel(sequence_id id) {
  to_batcher_.send([this, id] { act(planner_.cancel(id, clock_.now())); });
}

void engine_life::acknowledge(uint64_t step) {
  to_batcher_.send([this, step] {
    std::erase_if(unacknowledged_, [step](uint64_t sent) { return sent <= step; });
    act(planner_.acknowledge(step, clock_.now()));
  });
}

void engine_life::probe() {
  to_batcher_.send([this] { act(planner_.probe(clock_.now())); });
}

void engine_life::offer(std::vector<choice>& out) {
  for (auto* edge : {&to_batcher_, &to_executor_, &to_pages_, &results_, &grants_})
    edge->offer(out);
  if (wake_at_ && *wake_at_ <= clock_.now())
    out.push_back({"the batcher's timer", 1, [this] { wake(); }});
}

void engine_life::wake() {
  wake_at_.reset();
  act(planner_.wake(clock_.now()));
}

bool engine_life::quiet() const {
  return to_batcher_.empty() && to_executor_.empty() && to_pages_.empty() && results_.empty() &&
         grants_.empty() && planner_.running() + planner_.waiting() == 0;
}

std::string engine_life::rest() const {
  return fmt::format("epoch {}: {} sequences run, {} wait, {} of {} pages are free", epoch_,
                     planner_.running(), planner_.waiting(), unused_pages(), options_.page_count);
}

void engine_life::act(batch_planner::effects effects) {
  counts_.preempted += effects.preempted;
  counts_.health_reports += effects.health.has_value();
  if (effects.plan) {
    require(to_executor_.empty() && results_.empty(), "two steps at once");
    waiting_plan_ = std::move(effects.plan);
    to_executor_.send([this] {
      const auto result = run_step(*std::exchange(waiting_plan_, std::nullopt));
      results_.send([this, result] { act(planner_.step_done(result, clock_.now())); });
    });
  }
  if (effects.pages) {
    require(to_pages_.empty() && grants_.empty(), "two page requests at once");
    to_pages_.send([this, request = std::move(*effects.pages)] { answer_pages(request); });
  }
  if (effects.wake_at)
    wake_at_ = effects.wake_at;
}

void engine_life::answer_pages(const page_request& request) {
  auto answer = book_.answer(request);
  book_.check_conservation();
  grants_.send([this, answer = std::move(answer)] { act(planner_.grants(answer, clock_.now())); });
}

void engine_life::check_plan(const step_plan& plan) {
  ++last_step_;
  require(plan.step == last_step_, fmt::format("step {} instead of step {}", plan.step, last_step_));
  require(unacknowledged_.size() < unacknowledged_max, "a step without credit of the ledger");
  require(!plan.rows.empty(), "an empty step");
  require(static_cast<int32_t>(plan.rows.size()) <= options_.limits.max_batch_size,
          "more rows than max_batch_size");
  for (const auto& sequence : plan.started)
    require(!std::exchange(sequences_.at(sequence.id).started, true),
            fmt::format("sequence {} started twice", sequence.id));
  int32_t tokens = 0;
  std::set<page_id> written, read;
  std::set<int32_t> groups;
  for (const auto& row : plan.rows) {
    tokens += static_cast<int32_t>(row.tokens.size());
    require(!row.tokens.empty(), "a row without tokens");
    const auto end = row.position + static_cast<int32_t>(row.tokens.size());
    require(static_cast<int32_t>(row.block_table.size()) == pages_of(end),
            fmt::format("sequence {}: {} pages for {} positions", row.id, row.block_table.size(), end));
    for (size_t i = 0; i < row.block_table.size(); ++i) {
      const auto page = row.block_table[i];
      const bool canary = row.id == 0 && page == options_.limits.canary_page;
      if (page == no_page && static_cast<int32_t>(i) < row.position / page_tokens)
        continue; // out of the window, if it is: the shadow looks at what is not
      require(canary || (page >= 0 && page < options_.page_count),
              fmt::format("page {} is outside the pool", page));
      const bool writes = static_cast<int32_t>(i) >= row.position / page_tokens;
      require(!writes || written.insert(page).second,
              fmt::format("sequence {}: page {} is written twice", row.id, page));
      if (!writes)
        read.insert(page); // perhaps by several, whose tokens to there are the same: the shadow sees to that
    }
    if (row.id == 0)
      continue;
    auto& known = sequences_.at(row.id);
    groups.insert(known.group());
    require(known.started, fmt::format("sequence {} was never started", row.id));
    require(row.sample == (end == static_cast<int32_t>(known.tokens.size())),
            fmt::format("sequence {}: it samples at {} of {} tokens", row.id, end, known.tokens.size()));
    shadow_.compute(row, known.dispatch.spec, known.tokens, options_.limits.window);
  }
  for (auto page : read)
    require(!written.contains(page), fmt::format("page {} is read by one row and written by another", page));
  require(groups.size() <= 1, "suspects share a step with others");
  counts_.apart += groups.size() == 1 && *groups.begin() != 0;
  require(tokens <= options_.limits.max_batch_tokens, "more tokens than max_batch_tokens");
}

step_result engine_life::run_step(step_plan plan) {
  if (options_.before_step)
    options_.before_step(plan);
  check_plan(plan);
  ++counts_.steps;
  counts_.canaries += plan.rows.front().id == 0;
  const auto result = runner_.run(plan);
  note_tokens(result);
  for (auto id : plan.ended)
    sequences_.erase(id);
  if (!result.tokens.empty()) {
    unacknowledged_.push_back(result.step);
    options_.to_ledger(result);
  }
  return result;
}

void engine_life::note_tokens(const step_result& result) {
  for (const auto& token : result.tokens) {
    auto& known = sequences_.at(token.id);
    const auto answered = known.tokens.size() - known.dispatch.spec.prompt.size();
    require(token.position == static_cast<int32_t>(answered),
            fmt::format("sequence {}: a token at {} of its answer, which has {}", token.id, token.position,
                        answered));
    known.apart -= known.apart > 0;
    known.tokens.push_back(token.token);
  }
}

engine_life::counts engine_life::counted() const {
  auto out = counts_;
  out.cached_tokens = book_.counts().hit_tokens;
  out.page_waits = book_.counts().waits;
  return out;
}

void engine_life::run_last_step() {
  if (waiting_plan_)
    run_step(*std::exchange(waiting_plan_, std::nullopt));
  to_executor_.clear();
}

} // namespace troupe::sim
