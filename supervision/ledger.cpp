#include "supervision/ledger.hpp"

#include "supervision/resume_check.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds suspects_wait_max{1000};
constexpr int32_t retry_after_max_s = 60;
constexpr double end_weight = 0.1; // of the newest interval between two ends: about the last twenty count

double seconds_between(steady_time from, steady_time to) {
  return std::chrono::duration<double>(to - from).count();
}

} // namespace

ledger::ledger(ledger_limits limits, make_text_decoder decoder, const time_source& clock,
               token_bytes_of bytes)
    : limits_(limits), make_decoder_(std::move(decoder)), bytes_(std::move(bytes)), clock_(clock) {}

/// When one of so many entries has ended, as fast as entries end now.
int32_t ledger::retry_after_s(size_t entries) const {
  const auto wait = end_interval_s_ * static_cast<double>(entries_.size()) / static_cast<double>(entries);
  return static_cast<int32_t>(std::clamp(std::ceil(wait), 1.0, double{retry_after_max_s}));
}

std::optional<rejection> ledger::refuse(const open_entry& request) const {
  if (engine_gone_)
    return rejection{request_error::not_ready, "the engine failed and was given up: restart the server", "",
                     0};
  if (entries_.size() >= limits_.entries_max)
    return rejection{
        request_error::too_many_requests,
        fmt::format("{} requests are in progress, the limit (requests_max): retry later", entries_.size()),
        "", retry_after_s(entries_.size())};
  if (limits_.entries_per_tenant_max > 0) {
    const auto own = static_cast<size_t>(std::ranges::count_if(entries_, [&](const auto& entry) {
      return entry.second.request.spec.tenant == request.spec.tenant;
    }));
    if (own >= limits_.entries_per_tenant_max)
      return rejection{
          request_error::too_many_requests,
          fmt::format(
              "{} requests of this key are in progress, the limit (requests_per_key_max): retry later", own),
          "", retry_after_s(own)};
  }
  if (by_response_.contains(request.response_id))
    return rejection{request_error::invalid_value, "a response with this id is in progress", "id", 0};
  return std::nullopt;
}

std::variant<accepted_response, rejection> ledger::open(open_entry request, subscriber_key subscriber,
                                                        ledger_effects& out) {
  if (auto refused = refuse(request))
    return std::move(*refused);
  accepted_response answer{.response_id = request.response_id,
                           .created_at = clock_.unix_seconds(),
                           .model = request.model,
                           .prompt_tokens = static_cast<int32_t>(request.spec.prompt.size()),
                           .max_tokens = request.spec.max_tokens,
                           .seed = request.spec.sampling.seed,
                           .door_state = {}};
  const auto id = next_sequence_++;
  by_response_.emplace(request.response_id, id);
  auto& entry =
      entries_.try_emplace(id, id, std::move(request), subscriber, make_decoder_(), clock_.now(), bytes_)
          .first->second;
  entry.acceptance = answer;
  entry.begin();
  send_ready(entry, out);
  dispatch(entry, out);
  return answer;
}

void ledger::dispatch(ledger_entry& entry, ledger_effects& out) {
  if (epoch_ == 0 || engine_gone_)
    return; // engine_started() dispatches it
  entry.epoch = epoch_;
  const auto place = suspects_.of(entry.id);
  out.dispatches.push_back(
      {epoch_, entry.id, entry.request.spec, entry.emitted, place.group, place.apart_tokens});
}

/// Suspects run once every other stream that was going has had a token of the new engine: a search that
/// crashes it time and again must not stop the others. Or after a while, whatever keeps those.
void ledger::dispatch_suspects(ledger_effects& out) {
  if (!suspects_wait_until_ || (!overtaking_.empty() && clock_.now() < *suspects_wait_until_))
    return;
  suspects_wait_until_.reset();
  for (auto& [id, entry] : entries_)
    if (!entry.ended() && entry.epoch != epoch_)
      dispatch(entry, out);
}

ledger_effects ledger::step(const step_result& result) {
  ledger_effects out;
  out.ack = step_ack{result.epoch, result.step};
  for (const auto& token : result.tokens) {
    auto found = entries_.find(token.id);
    if (found == entries_.end() || found->second.ended())
      continue; // cancelled or failed while the step ran
    auto& entry = found->second;
    if (result.epoch != entry.epoch || token.position != static_cast<int32_t>(entry.emitted.size()))
      ++out.stale_tokens;
    else
      take_token(entry, token, out);
  }
  dispatch_suspects(out);
  settle_all(out);
  return out;
}

void ledger::take_token(ledger_entry& entry, const sampled_token& token, ledger_effects& out) {
  if (token.finish == finish_reason::error)
    return fail(entry, request_error::engine_failed,
                "the model's logits are not finite: the model file may be damaged", out);
  const auto now = clock_.now();
  if (entry.emitted.empty()) {
    entry.first_token = now;
    out.first_token_s.push_back(seconds_between(entry.accepted, now));
  } else {
    out.inter_token_s.push_back(seconds_between(entry.last_token, now));
  }
  entry.last_token = now;
  entry.append(token);
  entry.stamp_end(clock_.unix_seconds());
  // The engine does not know of stop strings: it is told, and what it sampled meanwhile counts for nothing.
  if (entry.ended() && token.finish == finish_reason::none && !engine_gone_)
    out.cancels.push_back({entry.epoch, entry.id});
  send_ready(entry, out);
  suspects_.advance(entry.id);
  overtaking_.erase(entry.id);
  if (entry.ended())
    note_end(entry, out);
}

void ledger::fail(ledger_entry& entry, request_error code, std::string message, ledger_effects& out) {
  if (entry.ended())
    return;
  entry.fail(code, std::move(message));
  entry.stamp_end(clock_.unix_seconds());
  if (entry.epoch == epoch_ && epoch_ != 0)
    out.cancels.push_back({epoch_, entry.id});
  send_ready(entry, out);
  note_end(entry, out);
}

void ledger::note_end(const ledger_entry& entry, ledger_effects& out) {
  suspects_.forget(entry.id);
  overtaking_.erase(entry.id);
  const auto now = clock_.now();
  const auto& log_end = entry.last_event();
  const auto first = entry.emitted.empty() ? now : entry.first_token;
  if (last_end_)
    end_interval_s_ +=
        (end_interval_s_ == 0 ? 1 : end_weight) * (seconds_between(*last_end_, now) - end_interval_s_);
  last_end_ = now;
  out.ended.push_back(
      {.request_id = entry.request.request_id,
       .response_id = entry.request.response_id,
       .kind = log_end.kind,
       .error = log_end.error,
       .prompt_tokens = log_end.prompt_tokens,
       .output_tokens = log_end.output_tokens,
       .timing = {seconds_between(entry.accepted, first), seconds_between(entry.accepted, now)}});
}

void ledger::send_ready(ledger_entry& entry, ledger_effects& out) {
  while (const auto* event = entry.next_unsent(limits_.unsent_bytes_max))
    out.events.push_back({entry.subscriber, *event});
}

ledger_entry* ledger::find(const std::string& response_id) {
  const auto known = by_response_.find(response_id);
  if (known == by_response_.end())
    return nullptr;
  const auto running = entries_.find(known->second);
  return running != entries_.end() ? &running->second : &kept_.at(known->second);
}

void ledger::forget(entry_map& map, entry_map::iterator at) {
  by_response_.erase(at->second.request.response_id);
  map.erase(at);
}

ledger::entry_map::iterator ledger::forget_kept(entry_map::iterator at) {
  const auto next = std::next(at);
  kept_bytes_ -= at->second.log_bytes();
  forget(kept_, at);
  return next;
}

/// An answer that has ended and is not being read goes, or waits for a reader who comes back.
/// A reader that went away hears of the end at once, out of its turn.
void ledger::settle(ledger_entry& entry, ledger_effects& out) {
  if (!entry.settled())
    return;
  if (!entry.told_of_end())
    out.events.push_back({entry.subscriber, entry.last_event()});
  const auto at = entries_.find(entry.id);
  if (!entry.resumable() || limits_.resume_window == milliseconds(0))
    return forget(entries_, at);
  entry.kept_since = clock_.now();
  entry.forget_tokens();
  kept_bytes_ += entry.log_bytes();
  kept_.insert(entries_.extract(at));
  while (kept_bytes_ > limits_.kept_bytes_max)
    forget_kept(kept_.begin());
}

void ledger::settle_all(ledger_effects& out) {
  for (auto at = entries_.begin(); at != entries_.end();)
    settle((at++)->second, out);
}

ledger_effects ledger::acknowledge(const acknowledge_events& ack) {
  ledger_effects out;
  if (auto* entry = find(ack.response_id); entry && !entry->kept_since) {
    entry->acknowledge(ack.sequence_number);
    send_ready(*entry, out);
    settle(*entry, out);
  }
  return out;
}

ledger_effects ledger::cancel(const std::string& response_id) {
  ledger_effects out;
  auto* entry = find(response_id);
  if (!entry)
    return out;
  fail(*entry, request_error::cancelled, "the client cancelled the request", out);
  if (!entry->resumable()) // nobody will read what was not sent yet
    entry->detach();
  if (entries_.contains(entry->id))
    settle(*entry, out);
  return out;
}

ledger_effects ledger::detach(const std::string& response_id) {
  ledger_effects out;
  auto* entry = find(response_id);
  if (!entry || !entry->attached())
    return out;
  entry->detach();
  if (!entry->ended() && (!entry->resumable() || limits_.resume_window == milliseconds(0)))
    fail(*entry, request_error::cancelled, "its reader went away", out);
  if (!entry->kept_since) {
    entry->kept_since = clock_.now();
    settle(*entry, out);
  }
  return out;
}

std::variant<accepted_response, rejection> ledger::attach(const attach_reader& reader,
                                                          subscriber_key subscriber, ledger_effects& out) {
  auto* entry = find(reader.response_id);
  if (!entry || !may_attach(entry->request.resume, reader))
    return rejection{
        request_error::response_not_found,
        "there is no such response that can be resumed with this key and stream token, or the time "
        "for it is over: ask again",
        "id", 0};
  if (!entry->attach(subscriber, reader.starting_after))
    return rejection{request_error::invalid_value,
                     fmt::format("starting_after must be a sequence_number that was received, or -1, not {}",
                                 reader.starting_after),
                     "starting_after", 0};
  entry->kept_since.reset();
  if (auto kept = kept_.find(entry->id); kept != kept_.end()) {
    kept_bytes_ -= entry->log_bytes();
    entries_.insert(kept_.extract(kept));
  }
  auto answer = entry->acceptance;
  answer.door_state = entry->request.resume.door_state;
  answer.read_already = entry->settled();
  send_ready(*entry, out);
  settle(*entry, out);
  return answer;
}

ledger_effects ledger::lose_subscriber(subscriber_key subscriber) {
  ledger_effects out;
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_)
    if (entry.subscriber == subscriber)
      ids.push_back(entry.request.response_id);
  for (const auto& id : ids) {
    auto effects = detach(id); // nobody is there to hear of the end
    out.cancels.insert(out.cancels.end(), effects.cancels.begin(), effects.cancels.end());
    out.ended.insert(out.ended.end(), effects.ended.begin(), effects.ended.end());
  }
  return out;
}

ledger_effects ledger::engine_started(const engine_up& up) {
  ledger_effects out;
  engine_gone_ = false;
  epoch_ = up.epoch;
  overtaking_.clear();
  const auto guilty = suspects_.crashed(up.fatal_step, [this](sequence_id id) {
    const auto found = entries_.find(id);
    return found != entries_.end() && !found->second.ended();
  });
  for (auto id : guilty)
    fail(entries_.at(id), request_error::request_quarantined,
         "the engine crashed twice while it computed this request and no other: it is not tried again", out);
  suspects_.restarted();
  suspects_wait_until_ = clock_.now() + suspects_wait_max;
  for (auto& [id, entry] : entries_) {
    if (entry.ended() || suspects_.suspected(id))
      continue;
    if (!entry.emitted.empty())
      overtaking_.insert(id);
    dispatch(entry, out);
  }
  dispatch_suspects(out);
  settle_all(out);
  return out;
}

ledger_effects ledger::engine_lost(const engine_gone& gone) {
  ledger_effects out;
  engine_gone_ = true;
  for (auto& [id, entry] : entries_)
    fail(entry, request_error::engine_failed, "the engine failed and was given up: " + gone.reason, out);
  out.cancels.clear();
  settle_all(out);
  return out;
}

ledger_effects ledger::check_deadlines() {
  ledger_effects out;
  const auto now = clock_.now();
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& entry = (at++)->second;
    if (now >= entry.deadline)
      fail(entry, request_error::deadline_exceeded,
           fmt::format("not finished within {} ms: raise timeout_ms, or ask for fewer tokens",
                       entry.request.timeout_ms),
           out);
    else if (entry.kept_since && now >= *entry.kept_since + limits_.resume_window)
      fail(entry, request_error::cancelled, "its reader did not come back in time", out);
    // A reader that is slow to take the end of its answer has a while for it, however short its timeout was;
    // then it counts as gone.
    if (now >= entry.deadline + limits_.end_wait)
      entry.detach();
    settle(entry, out);
  }
  dispatch_suspects(out); // after the cancellations, which are sent before it
  for (auto at = kept_.begin(); at != kept_.end();)
    at = now >= *at->second.kept_since + limits_.resume_window ? forget_kept(at) : std::next(at);
  return out;
}

} // namespace troupe
