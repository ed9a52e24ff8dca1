#pragma once

#include "actors/messages.hpp"
#include "base/clock.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Who hears of a response; the ledger's actor maps it to a handle.
using subscriber_key = uint64_t;

/// Tokens to text: a token gives the characters that it completes, nothing gives what is left at the end.
using text_decoder = std::function<std::string(std::optional<token_id>)>;
using make_text_decoder = std::function<text_decoder()>;

/// One accepted request: its event log is a function of its tokens.
class ledger_entry {
public:
  ledger_entry(sequence_id id, open_entry request, subscriber_key subscriber, text_decoder decoder,
               steady_time now);

  /// Appends `created` and `in_progress`.
  void begin();

  /// Appends what this token adds: a delta if it completes a character, the closing events if it ends the
  /// answer.
  void append(const sampled_token& token);

  /// Appends `failed`, the terminal event.
  void fail(request_error code, std::string message);

  bool ended() const { return !log_.empty() && is_terminal(log_.back().kind); }

  const response_event& last_event() const { return log_.back(); }

  /// The next event that the reader may have, within `unsent_bytes_max` unacknowledged bytes; null: none.
  const response_event* next_unsent(int64_t unsent_bytes_max);
  void acknowledge(int64_t sequence_number);

  /// Ended, and the reader has everything.
  bool delivered() const { return ended() && sent_ == log_.size(); }

  const sequence_id id;
  const open_entry request;
  const subscriber_key subscriber;
  const steady_time accepted;
  const steady_time deadline;
  std::vector<token_id> emitted;
  epoch_number epoch = 0;  // in which it was last dispatched; 0: not yet
  int32_t fatal_steps = 0; // crashed steps that contained it
  steady_time first_token{};
  steady_time last_token{};

private:
  response_event& push(event_kind kind);
  void open_text();
  void close_text(event_kind terminal);

  text_decoder decoder_;
  std::vector<response_event> log_; // index = sequence number
  std::string text_;
  size_t sent_ = 0;         // events handed out
  size_t acknowledged_ = 0; // events that the reader confirmed
  int64_t unacknowledged_bytes_ = 0;
};

} // namespace troupe
