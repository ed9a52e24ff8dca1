#include "actors/batch_planner.hpp"

#include "base/check.hpp"
#include "base/page_size.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr size_t unacknowledged_steps_max = 2; // executor → ledger credit
constexpr int32_t chunk_tokens_min = 16;       // a prompt moves on even where the machine is very slow
constexpr int32_t first_chunk_tokens = 64;     // until a rate is known: no first step may last for ever
constexpr int32_t rate_tokens_min = 16;        // smaller steps say nothing about tokens/s of a prefill
constexpr double rate_weight = 0.3;

} // namespace

int32_t batch_planner::sequence::known() const {
  return static_cast<int32_t>(dispatch.spec.prompt.size() + dispatch.emitted.size());
}

token_id batch_planner::sequence::token_at(int32_t position) const {
  const auto& prompt = dispatch.spec.prompt;
  const auto index = static_cast<size_t>(position);
  return index < prompt.size() ? prompt[index] : dispatch.emitted.at(index - prompt.size());
}

int32_t batch_planner::sequence::capacity() const {
  return static_cast<int32_t>(block_table.size()) * page_tokens;
}

bool batch_planner::sequence::scored() const {
  return dispatch.spec.prompt_logprobs && dispatch.emitted.empty();
}

batch_planner::batch_planner(planner_limits limits)
    : limits_(limits), window_(limits.batch_window, limits.max_batch_size) {}

int32_t batch_planner::running() const {
  return static_cast<int32_t>(std::count_if(sequences_.begin(), sequences_.end(),
                                            [](auto& entry) { return entry.second.computed > 0; }));
}

batch_planner::effects batch_planner::add(dispatch_sequence dispatched, steady_time now) {
  TROUPE_CHECK(!dispatched.spec.prompt.empty(), "a sequence needs a prompt");
  const auto id = dispatched.id;
  sequence added;
  added.dispatch = std::move(dispatched);
  added.arrived = now;
  const bool is_new = sequences_.emplace(id, std::move(added)).second;
  TROUPE_CHECK(is_new, "a sequence dispatched twice in one epoch");
  window_.arrival(now);
  return advance(now);
}

batch_planner::effects batch_planner::cancel(sequence_id id, steady_time now) {
  auto found = sequences_.find(id);
  if (found != sequences_.end()) {
    if (found->second.in_step)
      found->second.cancelled = true;
    else
      drop(id);
  }
  return advance(now);
}

batch_planner::effects batch_planner::grants(page_grants answer, steady_time now) {
  pages_in_flight_ = false;
  for (auto& grant : answer.grants) {
    auto found = sequences_.find(grant.id);
    if (found == sequences_.end())
      continue; // cancelled meanwhile; its id is among the released
    auto& pages = found->second.block_table;
    pages.insert(pages.end(), grant.pages.begin(), grant.pages.end());
    found->second.starved = !grant.granted;
  }
  return advance(now);
}

batch_planner::effects batch_planner::step_done(const step_result& result, steady_time now) {
  TROUPE_CHECK(step_in_flight_ && result.step == last_step_, "a result of another step");
  step_in_flight_ = false;
  // The ledger hears of steps with tokens only; its acknowledgement may overtake the batcher's copy.
  if (!result.tokens.empty() && result.step > acknowledged_)
    unacknowledged_.push_back(result.step);
  if (prefill_in_flight_ >= rate_tokens_min && 2 * prefill_in_flight_ >= result.computed_tokens &&
      result.step_us > 0) {
    const auto rate = static_cast<double>(result.computed_tokens) / static_cast<double>(result.step_us);
    tokens_per_us_ = tokens_per_us_ == 0 ? rate : tokens_per_us_ + rate_weight * (rate - tokens_per_us_);
  }
  for (const auto& row : in_flight_) {
    if (auto found = sequences_.find(row.id); found != sequences_.end()) {
      found->second.in_step = false;
      found->second.computed = row.position; // the position after the row's last token, see add_row
    }
  }
  effects noted;
  for (const auto& token : result.tokens)
    take_token(token, noted, now);
  for (const auto& row : in_flight_) {
    auto found = sequences_.find(row.id);
    if (found != sequences_.end() && found->second.cancelled)
      drop(row.id);
  }
  in_flight_.clear();
  std::optional<health_report> health;
  if (probe_pending_)
    health = health_report{result.step, result.step_us};
  probe_pending_ = false;
  auto out = advance(now);
  out.health = health;
  out.prefilled = std::move(noted.prefilled);
  return out;
}

void batch_planner::take_token(const sampled_token& token, effects& out, steady_time now) {
  auto found = sequences_.find(token.id);
  TROUPE_CHECK(found != sequences_.end(), "a token for an unknown sequence");
  if (token.position == 0)
    out.prefilled.push_back(std::chrono::duration_cast<microseconds>(now - found->second.first_step));
  found->second.dispatch.emitted.push_back(token.token);
  if (token.finish != finish_reason::none)
    drop(token.id);
}

batch_planner::effects batch_planner::acknowledge(uint64_t step, steady_time now) {
  acknowledged_ = std::max(acknowledged_, step);
  std::erase_if(unacknowledged_, [this](uint64_t sent) { return sent <= acknowledged_; });
  return advance(now);
}

batch_planner::effects batch_planner::wake(steady_time now) {
  return advance(now);
}

batch_planner::effects batch_planner::probe(steady_time now) {
  probe_pending_ = true;
  return advance(now);
}

void batch_planner::drop(sequence_id id) {
  auto found = sequences_.find(id);
  if (found->second.started)
    ended_.push_back(id);
  // Even without pages yet: a grant may be under way.
  released_.push_back(id);
  sequences_.erase(found);
}

batch_planner::effects batch_planner::advance(steady_time now) {
  effects out;
  if (!step_in_flight_ && unacknowledged_.size() < unacknowledged_steps_max) {
    preempt_for_starved(out);
    plan_step(out, now);
  }
  request_pages(out);
  return out;
}

/// The youngest sequence that holds pages gives way to the oldest that got none. The oldest of all can always
/// have its pages (intake refuses what is larger than the pool), so somebody always goes on.
void batch_planner::preempt_for_starved(effects& out) {
  auto starved =
      std::find_if(sequences_.begin(), sequences_.end(), [](auto& entry) { return entry.second.starved; });
  if (starved == sequences_.end() || pages_in_flight_)
    return;
  for (auto victim = std::prev(sequences_.end()); victim != starved; --victim) {
    if (victim->second.block_table.empty())
      continue;
    victim->second.block_table.clear();
    victim->second.computed = 0;
    released_.push_back(victim->first);
    ++out.preempted;
    return;
  }
}

int32_t batch_planner::token_budget() const {
  if (tokens_per_us_ == 0)
    return std::min(first_chunk_tokens, limits_.max_batch_tokens);
  const auto fits = tokens_per_us_ * static_cast<double>(limits_.step_time_max.count());
  return std::clamp(static_cast<int32_t>(std::min(fits, 1e9)), chunk_tokens_min, limits_.max_batch_tokens);
}

bool batch_planner::hold_for_company(effects& out, steady_time now) {
  if (running() > 0 || sequences_.empty())
    return false;
  auto oldest = now;
  for (const auto& [id, waiting] : sequences_)
    oldest = std::min(oldest, waiting.arrived);
  const auto start = window_.start_at(now, static_cast<int32_t>(sequences_.size()), oldest);
  if (start <= now) {
    out.waited = std::chrono::duration_cast<microseconds>(now - oldest);
    return false;
  }
  out.wake_at = start;
  return true;
}

void batch_planner::plan_step(effects& out, steady_time now) {
  if (hold_for_company(out, now))
    return;
  step_plan plan;
  plan.continues = running() > 0;
  // Decode rows first, all of them: a running stream waits for nobody's prompt, and no young one for the old.
  // Prompts share what the budget leaves, and move on in any case.
  int32_t budget = limits_.max_batch_size;
  int32_t logits_rows = limits_.max_batch_size; // left: one for each row, or more where a prompt is ranked
  for (const bool decode : {true, false}) {
    if (!decode) {
      const auto rows = static_cast<int32_t>(plan.rows.size());
      budget = std::min(std::max(token_budget() - rows, chunk_tokens_min), limits_.max_batch_tokens - rows);
      prefill_in_flight_ = 0;
    }
    for (auto& [id, candidate] : sequences_) {
      if (logits_rows <= 0 || budget <= 0)
        break;
      const auto pending = candidate.known() - candidate.computed;
      const bool decoding = pending == 1 && candidate.computed > 0;
      if (decoding != decode || candidate.in_step)
        continue;
      auto tokens = std::min({pending, budget, candidate.capacity() - candidate.computed});
      if (candidate.scored()) // half of what is left: others' prompts move on, too
        tokens = std::min(tokens, (logits_rows + 1) / 2);
      if (tokens <= 0)
        continue;
      logits_rows -= candidate.scored() ? tokens : 1;
      budget -= tokens;
      prefill_in_flight_ += decode ? 0 : tokens;
      if (!candidate.started) {
        candidate.first_step = now;
        out.queued.push_back(std::chrono::duration_cast<microseconds>(now - candidate.arrived));
      }
      add_row(plan, candidate, tokens);
    }
  }
  if (plan.rows.empty() && probe_pending_ && sequences_.empty())
    plan.rows.push_back(
        {.id = 0, .tokens = {0}, .position = 0, .block_table = {limits_.canary_page}, .sample = false});
  if (plan.rows.empty())
    return;
  plan.step = ++last_step_;
  plan.ended = std::exchange(ended_, {});
  step_in_flight_ = true;
  out.plan = std::move(plan);
}

void batch_planner::add_row(step_plan& plan, sequence& chosen, int32_t tokens) {
  step_row row{.id = chosen.dispatch.id,
               .tokens = {},
               .position = chosen.computed,
               .block_table = {},
               .sample = false};
  const auto end = chosen.computed + tokens;
  for (auto position = chosen.computed; position < end; ++position)
    row.tokens.push_back(chosen.token_at(position));
  row.block_table.assign(chosen.block_table.begin(), chosen.block_table.begin() + pages_of(end));
  row.sample = end == chosen.known();
  row.score = chosen.scored();
  if (!chosen.started)
    plan.started.push_back(chosen.dispatch);
  chosen.started = true;
  chosen.in_step = true;
  in_flight_.push_back(
      {.id = row.id, .tokens = {}, .position = end, .block_table = {}, .sample = row.sample});
  plan.rows.push_back(std::move(row));
}

void batch_planner::request_pages(effects& out) {
  if (pages_in_flight_)
    return;
  page_request request;
  request.released = std::exchange(released_, {});
  if (!request.released.empty()) // pages come back: whoever was refused asks again
    for (auto& [id, waiting] : sequences_)
      waiting.starved = false;
  int32_t places = limits_.max_batch_size;
  for (auto& [id, candidate] : sequences_) {
    if (places-- == 0)
      break;
    // All that is known, and one more while a step may be adding it; never past the answer's end.
    const auto last =
        static_cast<int32_t>(candidate.dispatch.spec.prompt.size()) + candidate.dispatch.spec.max_tokens;
    const auto want = std::min(candidate.known() + (candidate.in_step ? 1 : 0), last);
    if (!candidate.starved && !candidate.cancelled && want > candidate.capacity())
      request.needs.push_back({id, want});
  }
  if (request.released.empty() && request.needs.empty())
    return;
  pages_in_flight_ = true;
  out.pages = std::move(request);
}

} // namespace troupe
