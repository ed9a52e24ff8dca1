#include "actors/batch_planner.hpp"

#include "base/check.hpp"
#include "base/page_size.hpp"

#include <algorithm>
#include <tuple>

namespace troupe {

namespace {

constexpr size_t unacknowledged_steps_max = 2; // executor → ledger credit
constexpr uint64_t awaited_steps_max = 16;     // without a new page: then the sequence computes it itself

} // namespace

batch_planner::batch_planner(planner_limits limits)
    : limits_(limits), window_(limits.batch_window, limits.max_batch_size, limits.batch_window_kind),
      budget_({.step_time_max = limits.step_time_max,
               .stretch_max = limits.step_stretch_max,
               .tokens_max = limits.max_batch_tokens}) {}

int32_t batch_planner::running() const {
  return static_cast<int32_t>(
      std::count_if(sequences_.begin(), sequences_.end(), [](auto& entry) { return entry.second.running; }));
}

batch_planner::effects batch_planner::add(dispatch_sequence dispatched, steady_time now) {
  TROUPE_CHECK(!dispatched.spec.prompt.empty(), "a sequence needs a prompt");
  const auto id = dispatched.id;
  sequence added;
  added.dispatch = std::move(dispatched);
  added.arrived = now;
  const auto [place, is_new] = sequences_.emplace(id, std::move(added));
  TROUPE_CHECK(is_new, "a sequence dispatched twice in one epoch");
  const auto& spec = place->second.dispatch.spec;
  place->second.account = &shares_.enter(spec.tenant);
  ++priorities_[spec.priority];
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
  for (const auto& grant : answer.grants)
    if (auto found = sequences_.find(grant.id); found != sequences_.end()) // else cancelled meanwhile
      take_grant(found->second, grant);
  return advance(now);
}

void batch_planner::take_grant(sequence& asked, const page_grant& grant) {
  asked.awaits = grant.awaits;
  asked.starved = !grant.granted && !grant.awaits;
  if (grant.awaits && (asked.awaited_step == 0 || grant.cached_tokens > asked.awaited_tokens)) {
    asked.awaited_step = std::max<uint64_t>(last_step_, 1);
    asked.awaited_tokens = grant.cached_tokens;
  }
  if (!grant.granted)
    return;
  if (!asked.holds_pages()) {
    asked.prefix = nullptr;
    asked.computed = grant.cached_tokens;
    asked.reported = grant.cached_tokens / page_tokens;
    if (!asked.started)
      asked.cached_tokens =
          std::min(grant.cached_tokens, static_cast<int32_t>(asked.dispatch.spec.prompt.size()));
    asked.account->served += asked.known() - grant.cached_tokens;
  }
  asked.block_table.insert(asked.block_table.end(), grant.pages.begin(), grant.pages.end());
}

batch_planner::effects batch_planner::step_done(const step_result& result, steady_time now) {
  TROUPE_CHECK(step_in_flight_ && result.step == last_step_, "a result of another step");
  step_in_flight_ = false;
  // The ledger hears of steps with tokens only; its acknowledgement may overtake the batcher's copy.
  if (!result.tokens.empty() && result.step > acknowledged_)
    unacknowledged_.push_back(result.step);
  if (!in_flight_.empty()) // not of a canary
    budget_.note(result.computed_tokens - prefill_in_flight_, prefill_in_flight_, result.step_us);
  effects noted;
  note_rows(result);
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

/// What the step computed is in its pages now, and others may use it; not where the model's numbers failed.
void batch_planner::note_rows(const step_result& result) {
  const auto failed = [&](sequence_id id) {
    return std::ranges::any_of(result.tokens, [&](const sampled_token& token) {
      return token.id == id && token.finish == finish_reason::error;
    });
  };
  for (const auto& row : in_flight_) {
    auto found = sequences_.find(row.id);
    if (found == sequences_.end())
      continue; // the canary
    auto& computed = found->second;
    computed.in_step = false;
    computed.computed = row.position; // the position after the row's last token, see add_row
    if (limits_.prefix_cache && computed.computed / page_tokens > computed.reported && !failed(row.id))
      computed_.push_back(computed.newly_computed());
  }
}

void batch_planner::take_token(const sampled_token& token, effects& out, steady_time now) {
  auto found = sequences_.find(token.id);
  TROUPE_CHECK(found != sequences_.end(), "a token for an unknown sequence");
  if (token.position == 0)
    out.prefilled.push_back(std::chrono::duration_cast<microseconds>(now - found->second.first_step));
  found->second.take(token.token);
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

batch_planner::effects batch_planner::pages_arrived(steady_time now) {
  for (auto& [id, waiting] : sequences_)
    waiting.awaits = false;
  return advance(now);
}

void batch_planner::drop(sequence_id id) {
  auto found = sequences_.find(id);
  if (found->second.started)
    ended_.push_back(id);
  // Even without pages yet: a grant may be under way.
  released_.push_back(id);
  const auto& spec = found->second.dispatch.spec;
  shares_.leave(spec.tenant);
  if (auto same = priorities_.find(spec.priority); --same->second == 0)
    priorities_.erase(same);
  sequences_.erase(found);
}

batch_planner::effects batch_planner::advance(steady_time now) {
  effects out;
  if (!step_in_flight_ && unacknowledged_.size() < unacknowledged_steps_max) {
    preempt_for_starved(out, now);
    plan_step(out, now);
  }
  request_pages(out, now);
  return out;
}

int32_t batch_planner::class_of(const sequence& of, steady_time now) const {
  const auto levels = (now - of.arrived) / limits_.priority_level;
  const auto aged = static_cast<int64_t>(of.dispatch.spec.priority) - levels;
  return static_cast<int32_t>(std::max<int64_t>(aged, priorities_.begin()->first));
}

std::vector<planned_sequence*> batch_planner::holders(steady_time now) {
  std::vector<sequence*> out; // in order of arrival
  for (auto& [id, holder] : sequences_)
    if (holder.holds_pages())
      out.push_back(&holder);
  std::ranges::stable_sort(out, {}, [&](const sequence* holder) { return class_of(*holder, now); });
  return out;
}

std::vector<planned_sequence*> batch_planner::waiters() {
  std::vector<sequence*> out;
  for (auto& [id, waiter] : sequences_)
    if (!waiter.holds_pages() && !waiter.awaits && !waiter.cancelled)
      out.push_back(&waiter);
  return out;
}

bool batch_planner::goes_before(const sequence& a, const sequence& b, steady_time now) const {
  const auto rank = [&](const sequence& of) {
    return std::tuple(class_of(of, now), of.account->served + of.account->asked, of.dispatch.id);
  };
  return rank(a) < rank(b);
}

/// Of those who hold pages the youngest of the highest class gives way: to one before it that could not grow,
/// or to a sequence of a lower class that waits. The oldest of the lowest class can always have its pages
/// (intake refuses what is larger than the pool), so somebody always goes on.
void batch_planner::preempt_for_starved(effects& out, steady_time now) {
  if (pages_in_flight_)
    return;
  const auto pages = holders(now);
  if (pages.empty())
    return;
  auto* victim = pages.back();
  auto starved = std::ranges::find_if(pages, &sequence::starved);
  bool gives_way = starved != pages.end() && *starved != victim;
  if (!gives_way && priorities_.size() > 1) { // else all are of one class
    const auto waiting = waiters();
    const auto first =
        std::ranges::min_element(waiting, [&](auto* a, auto* b) { return goes_before(*a, *b, now); });
    gives_way = first != waiting.end() && class_of(**first, now) < class_of(*victim, now) &&
                ((*first)->starved || std::ssize(pages) >= limits_.max_batch_size);
  }
  if (!gives_way)
    return;
  victim->give_way();
  released_.push_back(victim->dispatch.id);
  ++out.preempted;
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
  std::vector<sequence*> decoding, prompts;
  auto pages = holders(now);
  turns_.keep_next(pages);
  for (auto* holder : pages)
    (holder->computed > 0 && holder->known() - holder->computed == 1 ? decoding : prompts).push_back(holder);
  std::ranges::sort(prompts, [&](auto* a, auto* b) { return goes_before(*a, *b, now); });
  const auto rows = add_rows(plan, out, decoding, limits_.max_batch_size, now);
  prefill_in_flight_ = add_rows(plan, out, prompts, budget_.prompt_tokens(rows), now);
  const bool nobody_can = std::ranges::all_of(sequences_, [](auto& entry) { return entry.second.awaits; });
  if (plan.rows.empty() && probe_pending_ && nobody_can)
    plan.rows.push_back(
        {.id = 0, .tokens = {0}, .position = 0, .block_table = {limits_.canary_page}, .sample = false});
  if (plan.rows.empty())
    return;
  plan.step = ++last_step_;
  plan.ended = std::exchange(ended_, {});
  step_in_flight_ = true;
  out.plan = std::move(plan);
}

/// Returns the tokens that the rows compute, at most `budget`.
int32_t batch_planner::add_rows(step_plan& plan, effects& out, const std::vector<sequence*>& from,
                                int32_t budget, steady_time now) {
  int32_t added = 0;
  auto logits_rows = limits_.max_batch_size; // left: one for each row, or more where a prompt is ranked
  for (const auto& row : plan.rows)
    logits_rows -= row.score ? static_cast<int32_t>(row.tokens.size()) : 1;
  for (auto* candidate : from) {
    if (logits_rows <= 0 || added >= budget)
      break;
    auto tokens = std::min({candidate->known() - candidate->computed, budget - added,
                            candidate->capacity() - candidate->computed});
    if (candidate->scored()) // half of what is left: others' prompts move on, too
      tokens = std::min(tokens, (logits_rows + 1) / 2);
    if (tokens <= 0)
      continue;
    logits_rows -= candidate->scored() ? tokens : 1;
    added += tokens;
    if (!candidate->started) {
      candidate->first_step = now;
      out.queued.push_back(std::chrono::duration_cast<microseconds>(now - candidate->arrived));
    }
    add_row(plan, *candidate, tokens);
  }
  return added;
}

void batch_planner::add_row(step_plan& plan, sequence& chosen, int32_t tokens) {
  const auto end = chosen.computed + tokens;
  step_row row{.id = chosen.dispatch.id,
               .tokens = chosen.tokens(chosen.computed, end),
               .position = chosen.computed,
               .block_table = {chosen.block_table.begin(), chosen.block_table.begin() + pages_of(end)},
               .sample = end == chosen.known(),
               .score = chosen.scored(),
               .cached_tokens = chosen.cached_tokens};
  const auto seen_from = static_cast<size_t>(limits_.window.first_of(row.position) / page_tokens);
  for (auto i = static_cast<size_t>(pages_of(limits_.window.sinks)); i < seen_from; ++i)
    row.block_table[i] = no_page; // the page manager may have given it to others
  if (!chosen.started)
    plan.started.push_back(chosen.dispatch);
  chosen.started = chosen.running = chosen.in_step = true;
  in_flight_.push_back(
      {.id = row.id, .tokens = {}, .position = end, .block_table = {}, .sample = row.sample});
  plan.rows.push_back(std::move(row));
}

/// Who was refused asks again when pages came back; who waits for another's page, when there may be news of
/// it.
void batch_planner::ask_again(const page_request& request) {
  const bool news = !request.released.empty() || !request.computed.empty();
  for (auto& [id, waiting] : sequences_) {
    waiting.starved = waiting.starved && request.released.empty();
    const bool too_long = waiting.awaits && last_step_ >= waiting.awaited_step + awaited_steps_max;
    waiting.may_wait = waiting.may_wait && !too_long;
    waiting.awaits = waiting.awaits && !news && !too_long;
  }
}

page_need batch_planner::need_of(sequence& wants) const {
  const auto known = wants.known();
  if (limits_.prefix_cache && !wants.scored() && !wants.holds_pages() && !wants.prefix) {
    const auto& spec = wants.dispatch.spec;
    wants.prefix = std::make_shared<const page_chain>(page_chain::of(
        root_key(limits_.numeric_class, spec.tenant, spec.cache_salt), wants.tokens(0, known)));
  }
  return {.id = wants.dispatch.id,
          .tokens = wants.wanted(),
          .prefix = wants.holds_pages() ? nullptr : wants.prefix,
          .may_wait = wants.may_wait,
          .computed = wants.computed,
          .ahead = limits_.tokens_ahead};
}

void batch_planner::request_pages(effects& out, steady_time now) {
  if (pages_in_flight_)
    return;
  page_request request;
  request.computed = std::exchange(computed_, {});
  request.released = std::exchange(released_, {});
  ask_again(request);
  // Who has pages comes first, or nobody would get to the end.
  const auto running_ones = holders(now);
  for (auto* holder : running_ones) {
    if (holder->starved)
      break;
    if (!holder->cancelled && holder->wanted_now(limits_.tokens_ahead) > holder->capacity())
      request.needs.push_back(need_of(*holder));
  }
  auto waiting = waiters();
  std::vector<sequence*> asking;
  for (auto places = limits_.max_batch_size - std::ssize(running_ones); places > 0 && !waiting.empty();
       --places) {
    const auto first =
        std::ranges::min_element(waiting, [&](auto* a, auto* b) { return goes_before(*a, *b, now); });
    if ((*first)->starved) // and nobody passes it, or a large request would wait for ever
      break;
    request.needs.push_back(need_of(**first));
    (*first)->account->asked += (*first)->known();
    asking.push_back(*first);
    waiting.erase(first);
  }
  for (auto* one : asking)
    one->account->asked = 0;
  if (request.released.empty() && request.needs.empty() && request.computed.empty())
    return;
  pages_in_flight_ = true;
  out.pages = std::move(request);
}

} // namespace troupe
