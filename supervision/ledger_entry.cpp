#include "supervision/ledger_entry.hpp"

#include "base/check.hpp"

namespace troupe {

namespace {

/// What an event weighs in a reader's buffer, and about what it takes in the log: its text, its log
/// probabilities and the JSON around them.
int64_t weight_of(const response_event& event) {
  constexpr int64_t logprob_bytes = 80;
  auto bytes = 256 + static_cast<int64_t>(event.text.size());
  if (event.logprobs)
    for (const auto& each : *event.logprobs)
      bytes += logprob_bytes * static_cast<int64_t>(1 + each.top.size());
  return bytes;
}

} // namespace

ledger_entry::ledger_entry(sequence_id new_id, open_entry opened, subscriber_key reader, text_decoder decoder,
                           steady_time now, token_bytes_of bytes)
    : id(new_id), request(std::move(opened)), subscriber(reader), accepted(now),
      deadline(now + milliseconds(request.timeout_ms)),
      answer_(std::in_place, request.spec, std::move(decoder), std::move(bytes)) {}

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

void ledger_entry::open_text(const sampled_token& first) {
  auto& item = push(event_kind::output_item_added);
  if (first.prompt_logprobs) {
    std::vector<token_logprobs> prompt;
    prompt.reserve(first.prompt_logprobs->size());
    for (const auto& each : *first.prompt_logprobs)
      prompt.push_back(answer_->with_bytes(each));
    item.logprobs = std::make_shared<const std::vector<token_logprobs>>(std::move(prompt));
  }
  push(event_kind::content_part_added);
}

void ledger_entry::append(const sampled_token& token) {
  TROUPE_CHECK(token.position == static_cast<int32_t>(emitted.size()), "a token out of order");
  if (emitted.empty()) {
    cached_tokens_ = token.cached_tokens;
    open_text(token);
  }
  emitted.push_back(token.token);
  auto piece = answer_->push(token);
  logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
  if (!piece.text.empty()) {
    text_ += piece.text;
    auto& delta = push(event_kind::output_text_delta);
    delta.text = std::move(piece.text);
    delta.output_tokens = static_cast<int32_t>(emitted.size());
    if (request.spec.sampling.logprobs)
      delta.logprobs = std::make_shared<const std::vector<token_logprobs>>(std::move(piece.logprobs));
  }
  if (piece.ended)
    close_text(piece);
}

void ledger_entry::close_text(const answer_piece& last) {
  logprob_list logprobs;
  if (request.spec.sampling.logprobs)
    logprobs = std::make_shared<const std::vector<token_logprobs>>(std::exchange(logprobs_, {}));
  const auto terminal = last.cut ? event_kind::incomplete : event_kind::completed;
  for (auto kind : {event_kind::output_text_done, event_kind::content_part_done, event_kind::output_item_done,
                    terminal}) {
    auto& event = push(kind);
    event.text = text_;
    event.logprobs = logprobs;
  }
  log_[log_.size() - 2].cut = last.cut;
  log_.back().stopped_by = last.stopped_by;
  count_tokens(log_.back());
}

void ledger_entry::count_tokens(response_event& terminal) const {
  terminal.prompt_tokens = static_cast<int32_t>(request.spec.prompt.size());
  terminal.cached_tokens = cached_tokens_;
  terminal.output_tokens = static_cast<int32_t>(emitted.size());
  terminal.cumulative_logprob = answer_->cumulative_logprob();
}

void ledger_entry::fail(request_error code, std::string message) {
  auto& event = push(event_kind::failed);
  event.text = text_;
  count_tokens(event);
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
  std::vector<token_logprobs>().swap(logprobs_);
  answer_.reset();
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
