#include "supervision/ledger_keeper.hpp"

#include "actors/keep_quiet.hpp"
#include "actors/note_rejection.hpp"
#include "observe/log.hpp"

#include <map>

namespace troupe {

namespace {

constexpr milliseconds tick_interval{50}; // a deadline is kept within 100 ms

std::string_view outcome_of(const ended_response& ended) {
  switch (ended.kind) {
  case event_kind::completed:
    return "stop";
  case event_kind::incomplete:
    return "length";
  default:
    return to_string(ended.error);
  }
}

} // namespace

ledger_keeper::ledger_keeper(caf::actor_config& config, ledger_limits limits, make_text_decoder decoder,
                             const time_source& clock, metrics& metrics, token_bytes_of bytes)
    : ledger_actor::base(config), ledger_(limits, std::move(decoder), clock, std::move(bytes)),
      metrics_(metrics) {}

ledger_keeper::behavior_type ledger_keeper::make_behavior() {
  keep_quiet(*this);
  set_down_handler([this](const caf::down_msg& message) {
    for (const auto& [key, subscriber] : subscribers_) {
      if (subscriber.address() == message.source) {
        act(ledger_.lose_subscriber(key));
        subscribers_.erase(key);
        return;
      }
    }
  });
  delayed_send(this, tick_interval, tick{});
  return {
      [this](open_entry& request, const subscriber_actor& subscriber) {
        ledger_effects effects;
        const auto id = request.response_id, request_id = request.request_id;
        auto opened = ledger_.open(std::move(request), key_of(subscriber), effects);
        if (const auto* refused = std::get_if<rejection>(&opened))
          note_rejection(metrics_, request_id, id, *refused);
        return answer(std::move(opened), std::move(effects));
      },
      [this](const attach_reader& reader, const subscriber_actor& subscriber) {
        ledger_effects effects;
        auto attached = ledger_.attach(reader, key_of(subscriber), effects);
        return answer(std::move(attached), std::move(effects));
      },
      [this](const detach_reader& detach) { act(ledger_.detach(detach.response_id)); },
      [this](const step_result& result) { act(ledger_.step(result)); },
      [this](const acknowledge_events& ack) { act(ledger_.acknowledge(ack)); },
      [this](const cancel_response& cancel) { act(ledger_.cancel(cancel.response_id)); },
      [this](const engine_up& up, const engine_actor& engine) {
        engine_ = engine;
        act(ledger_.engine_started(up));
      },
      [this](const engine_gone& gone) { act(ledger_.engine_lost(gone)); },
      [this](tick) {
        act(ledger_.check_deadlines());
        delayed_send(this, tick_interval, tick{});
      },
  };
}

/// The answer goes out before the first event.
caf::typed_response_promise<intake_reply>
ledger_keeper::answer(std::variant<accepted_response, rejection> outcome, ledger_effects effects) {
  auto promise = make_response_promise<intake_reply>();
  intake_reply reply;
  if (auto* accepted = std::get_if<accepted_response>(&outcome))
    reply.accepted = std::move(*accepted);
  else
    reply.rejected = std::get<rejection>(std::move(outcome));
  promise.deliver(std::move(reply));
  act(std::move(effects));
  return promise;
}

subscriber_key ledger_keeper::key_of(const subscriber_actor& subscriber) {
  for (const auto& [key, known] : subscribers_)
    if (known == subscriber)
      return key;
  monitor(subscriber);
  subscribers_.emplace(next_key_, subscriber);
  return next_key_++;
}

void ledger_keeper::act(ledger_effects effects) {
  metrics_.ledger_entries.Set(static_cast<double>(ledger_.entries()));
  // Events first: the reader waits for them, the engine has its next step already.
  send_events(std::move(effects.events));
  if (engine_) {
    if (effects.ack)
      send(engine_, *effects.ack);
    for (auto& cancel : effects.cancels)
      send(engine_, cancel);
    for (auto& dispatch : effects.dispatches)
      send(engine_, std::move(dispatch));
  }
  for (auto seconds : effects.first_token_s)
    metrics_.time_to_first_token_seconds.Observe(seconds);
  for (auto seconds : effects.inter_token_s)
    metrics_.inter_token_latency_seconds.Observe(seconds);
  for (const auto& ended : effects.ended)
    note_end(ended);
  metrics_.generation_tokens_total.Increment(
      static_cast<double>(effects.first_token_s.size() + effects.inter_token_s.size()));
  metrics_.stale_results_dropped_total.Increment(static_cast<double>(effects.stale_tokens));
}

void ledger_keeper::note_end(const ended_response& ended) {
  const auto outcome = outcome_of(ended);
  const auto first_s = ended.timing.queue_and_prefill_s;
  const auto total_s = ended.timing.total_s;
  metrics_.request_success_total
      .of(ended.kind == event_kind::failed && ended.error != request_error::cancelled ? "error" : outcome)
      .Increment();
  metrics_.prompt_tokens_total.Increment(ended.prompt_tokens);
  metrics_.request_prompt_tokens.Observe(ended.prompt_tokens);
  metrics_.request_generation_tokens.Observe(ended.output_tokens);
  metrics_.e2e_request_latency_seconds.Observe(total_s);
  metrics_.request_decode_time_seconds.Observe(total_s - first_s);
  log_event(log_level::info, "response_ended",
            {{"request", ended.request_id},
             {"response", ended.response_id},
             {"outcome", outcome},
             {"prompt_tokens", ended.prompt_tokens},
             {"output_tokens", ended.output_tokens},
             {"first_token_ms", static_cast<int64_t>(first_s * 1000)},
             {"total_ms", static_cast<int64_t>(total_s * 1000)}});
}

void ledger_keeper::send_events(std::vector<addressed_event> events) {
  std::map<subscriber_key, event_batch> batches;
  for (auto& [key, event] : events)
    batches[key].events.push_back(std::move(event));
  for (auto& [key, batch] : batches)
    if (auto found = subscribers_.find(key); found != subscribers_.end())
      send(found->second, std::move(batch));
}

void ledger_keeper::on_exit() {
  engine_ = nullptr;
  subscribers_.clear();
}

} // namespace troupe
