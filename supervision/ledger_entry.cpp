#include "supervision/ledger_entry.hpp"

#include "base/check.hpp"

namespace troupe {

namespace {

/// What an event weighs in a reader's buffer, and about what it takes in the log: its text and the JSON
/// around it.
int64_t weight_of(const response_event& event) {
  return 256 + static_cast<int64_t>(event.text.size());
}

} // namespace

ledger_entry::ledger_entry(sequence_id new_id, open_entry opened, subscriber_key reader, text_decoder decoder,
                           steady_time now)
    : id(new_id), request(std::move(opened)), subscriber(reader), accepted(now),
      deadline(now + milliseconds(request.timeout_ms)), decoder_(std::move(decoder)) {}

response_event& ledger_entry::push(event_kind kind) {
  TROUPE_CHECK(!ended(), "an event after the terminal one");
  response_event event;
  event.response_id = request.response_id;
  event.sequence_number = static_cast<int64_t>(log_.size());
  event.kind = kind;
  log_.push_back(std::move(event));
  return log_.back();
}

void ledger_entry::begin() {
  push(event_kind::created);
  push(event_kind::in_progress);
}

void ledger_entry::open_text() {
  push(event_kind::output_item_added);
  push(event_kind::content_part_added);
}

void ledger_entry::append(const sampled_token& token) {
  TROUPE_CHECK(token.position == static_cast<int32_t>(emitted.size()), "a token out of order");
  if (emitted.empty()) {
    cached_tokens_ = token.cached_tokens;
    open_text();
  }
  emitted.push_back(token.token);
  // The token that says "stop" is no text, whatever its bytes are.
  auto delta = token.finish == finish_reason::stop ? std::string{} : decoder_(token.token);
  if (token.finish != finish_reason::none)
    delta += decoder_(std::nullopt);
  if (!delta.empty()) {
    text_ += delta;
    push(event_kind::output_text_delta).text = std::move(delta);
  }
  if (token.finish == finish_reason::stop)
    close_text(event_kind::completed);
  else if (token.finish == finish_reason::length)
    close_text(event_kind::incomplete);
}

void ledger_entry::close_text(event_kind terminal) {
  for (auto kind :
       {event_kind::output_text_done, event_kind::content_part_done, event_kind::output_item_done, terminal})
    push(kind).text = text_;
  log_[log_.size() - 2].cut = terminal == event_kind::incomplete;
  log_.back().prompt_tokens = static_cast<int32_t>(request.spec.prompt.size());
  log_.back().cached_tokens = cached_tokens_;
  log_.back().output_tokens = static_cast<int32_t>(emitted.size());
}

void ledger_entry::fail(request_error code, std::string message) {
  auto& event = push(event_kind::failed);
  event.text = text_;
  event.prompt_tokens = static_cast<int32_t>(request.spec.prompt.size());
  event.cached_tokens = cached_tokens_;
  event.output_tokens = static_cast<int32_t>(emitted.size());
  event.error = code;
  event.error_message = std::move(message);
}

bool ledger_entry::attach(subscriber_key reader, int64_t starting_after) {
  if (starting_after < -1 || starting_after >= static_cast<int64_t>(log_.size()))
    return false;
  subscriber = reader;
  attached_ = true;
  sent_ = acknowledged_ = static_cast<size_t>(starting_after + 1);
  unacknowledged_bytes_ = 0;
  return true;
}

void ledger_entry::forget_tokens() {
  TROUPE_CHECK(ended(), "tokens of a running answer are needed");
  std::vector<token_id>().swap(request.spec.prompt);
  std::vector<token_id>().swap(emitted);
  decoder_ = nullptr;
  log_bytes_ = static_cast<int64_t>(request.resume.door_state.size());
  for (const auto& event : log_)
    log_bytes_ += weight_of(event);
}

const response_event* ledger_entry::next_unsent(int64_t unsent_bytes_max) {
  if (!attached_)
    return nullptr;
  // One event may always go: a cap smaller than an event must not stop the stream.
  if (sent_ == log_.size() || (unacknowledged_bytes_ > 0 && unacknowledged_bytes_ >= unsent_bytes_max))
    return nullptr;
  unacknowledged_bytes_ += weight_of(log_[sent_]);
  return &log_[sent_++];
}

void ledger_entry::acknowledge(int64_t sequence_number) {
  // A reader cannot confirm what it was not sent, whatever it says.
  while (acknowledged_ < sent_ && static_cast<int64_t>(acknowledged_) <= sequence_number)
    unacknowledged_bytes_ -= weight_of(log_[acknowledged_++]);
}

} // namespace troupe
