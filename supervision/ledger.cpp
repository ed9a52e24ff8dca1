#include "supervision/ledger.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int32_t fatal_steps_max = 3;
constexpr int32_t retry_after_s = 1;

double seconds_between(steady_time from, steady_time to) {
  return std::chrono::duration<double>(to - from).count();
}

} // namespace

ledger::ledger(ledger_limits limits, make_text_decoder decoder, const time_source& clock)
    : limits_(limits), make_decoder_(std::move(decoder)), clock_(clock) {}

std::variant<accepted_response, rejection> ledger::open(open_entry request, subscriber_key subscriber,
                                                        ledger_effects& out) {
  if (engine_gone_)
    return rejection{request_error::not_ready, "the engine failed and was given up: restart the server", "",
                     0};
  if (entries_.size() >= limits_.entries_max)
    return rejection{
        request_error::too_many_requests,
        fmt::format("{} requests are in progress, the limit (requests_max): retry later", entries_.size()),
        "", retry_after_s};
  if (by_response_.contains(request.response_id))
    return rejection{request_error::invalid_value, "a response with this id is in progress", "id", 0};
  accepted_response answer{.response_id = request.response_id,
                           .created_at = clock_.unix_seconds(),
                           .model = request.model,
                           .prompt_tokens = static_cast<int32_t>(request.spec.prompt.size()),
                           .max_tokens = request.spec.max_tokens,
                           .seed = request.spec.sampling.seed};
  const auto id = next_sequence_++;
  by_response_.emplace(request.response_id, id);
  auto& entry = entries_.try_emplace(id, id, std::move(request), subscriber, make_decoder_(), clock_.now())
                    .first->second;
  entry.begin();
  send_ready(entry, out);
  dispatch(entry, out);
  return answer;
}

void ledger::dispatch(ledger_entry& entry, ledger_effects& out) {
  if (epoch_ == 0 || engine_gone_)
    return; // engine_started() dispatches it
  entry.epoch = epoch_;
  out.dispatches.push_back({epoch_, entry.id, entry.request.spec, entry.emitted});
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
  erase_delivered();
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
  send_ready(entry, out);
  if (entry.ended())
    note_end(entry, out);
}

void ledger::fail(ledger_entry& entry, request_error code, std::string message, ledger_effects& out) {
  if (entry.ended())
    return;
  entry.fail(code, std::move(message));
  if (entry.epoch == epoch_ && epoch_ != 0)
    out.cancels.push_back({epoch_, entry.id});
  send_ready(entry, out);
  note_end(entry, out);
}

void ledger::note_end(const ledger_entry& entry, ledger_effects& out) {
  const auto now = clock_.now();
  const auto& log_end = entry.last_event();
  const auto first = entry.emitted.empty() ? now : entry.first_token;
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

template <class Predicate>
void ledger::erase(Predicate unwanted) {
  std::erase_if(entries_, [&](const auto& item) {
    if (!unwanted(item.second))
      return false;
    by_response_.erase(item.second.request.response_id);
    return true;
  });
}

void ledger::erase_delivered() {
  erase([](const ledger_entry& entry) { return entry.delivered(); });
}

ledger_effects ledger::acknowledge(const acknowledge_events& ack) {
  ledger_effects out;
  if (auto known = by_response_.find(ack.response_id); known != by_response_.end()) {
    auto& entry = entries_.at(known->second);
    entry.acknowledge(ack.sequence_number);
    send_ready(entry, out);
    erase_delivered();
  }
  return out;
}

ledger_effects ledger::cancel(const std::string& response_id) {
  ledger_effects out;
  if (auto known = by_response_.find(response_id); known != by_response_.end()) {
    const auto id = known->second;
    fail(entries_.at(id), request_error::cancelled, "the client cancelled the request", out);
    entries_.erase(id);
    by_response_.erase(response_id);
  }
  return out;
}

ledger_effects ledger::cancel_subscriber(subscriber_key subscriber) {
  ledger_effects out;
  for (auto& [id, entry] : entries_)
    if (entry.subscriber == subscriber)
      fail(entry, request_error::cancelled, "the reader is gone", out);
  erase([subscriber](const ledger_entry& entry) { return entry.subscriber == subscriber; });
  out.events.clear(); // nobody is there to read them
  return out;
}

ledger_effects ledger::engine_started(const engine_up& up) {
  ledger_effects out;
  engine_gone_ = false;
  epoch_ = up.epoch;
  for (auto id : up.fatal_step)
    if (auto found = entries_.find(id); found != entries_.end())
      ++found->second.fatal_steps;
  for (auto& [id, entry] : entries_) {
    if (entry.ended())
      continue;
    if (entry.fatal_steps >= fatal_steps_max)
      fail(entry, request_error::engine_failed,
           fmt::format("the engine crashed {} times while it computed this request", entry.fatal_steps), out);
    else
      dispatch(entry, out);
  }
  erase_delivered();
  return out;
}

ledger_effects ledger::engine_lost(const engine_gone& gone) {
  ledger_effects out;
  engine_gone_ = true;
  for (auto& [id, entry] : entries_)
    fail(entry, request_error::engine_failed, "the engine failed and was given up: " + gone.reason, out);
  out.cancels.clear();
  erase_delivered();
  return out;
}

ledger_effects ledger::check_deadlines() {
  ledger_effects out;
  const auto now = clock_.now();
  for (auto& [id, entry] : entries_)
    if (now >= entry.deadline)
      fail(entry, request_error::deadline_exceeded,
           fmt::format("not finished within {} ms: raise timeout_ms, or ask for fewer tokens",
                       entry.request.timeout_ms),
           out);
  // A reader that does not take the end of its answer has one more timeout, then the log goes.
  erase([now](const ledger_entry& entry) {
    return entry.delivered() || now >= entry.deadline + milliseconds(entry.request.timeout_ms);
  });
  return out;
}

} // namespace troupe
