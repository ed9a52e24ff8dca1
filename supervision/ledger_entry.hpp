#pragma once

#include "actors/messages.hpp"
#include "base/clock.hpp"
#include "supervision/answer_text.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Who hears of a response; the ledger's actor maps it to a handle.
using subscriber_key = uint64_t;

/// One accepted request: its event log is a function of its tokens.
class ledger_entry {
public:
  ledger_entry(sequence_id id, open_entry request, subscriber_key subscriber, text_decoder decoder,
               steady_time now, token_bytes_of bytes = {});

  /// Appends `created` and `in_progress`.
  void begin();

  /// Appends what this token adds: a delta if it completes text that may be told, the closing events if it
  /// ends the answer, which a stop string does without the engine's knowing.
  void append(const sampled_token& token);

  /// Appends `failed`, the terminal event.
  void fail(request_error code, std::string message);

  bool ended() const { return !log_.empty() && is_terminal(log_.back().kind); }

  const response_event& last_event() const { return log_.back(); }

  /// Writes the time into the terminal event, if it is there.
  void stamp_end(int64_t unix_seconds) {
    if (ended())
      log_.back().ended_at = unix_seconds;
  }

  /// The next event that the reader may have, within `unsent_bytes_max` unacknowledged bytes; null: none.
  const response_event* next_unsent(int64_t unsent_bytes_max);
  void acknowledge(int64_t sequence_number);

  /// Ended, and no reader waits for the rest.
  bool settled() const { return ended() && (!attached_ || sent_ == log_.size()); }

  bool attached() const { return attached_; }
  bool told_of_end() const { return sent_ == log_.size(); }

  /// The number of the last event that was handed out; -1: none was.
  int64_t last_sent() const { return static_cast<int64_t>(sent_) - 1; }

  /// Somebody may come back for its events.
  bool resumable() const { return !request.resume.stream_token.empty(); }

  /// Nobody reads: events wait in the log.
  void detach() { attached_ = false; }

  /// The events after this number go to the new reader, as if they were new. False: there are none so far
  /// ahead; nothing changed.
  bool attach(subscriber_key reader, int64_t starting_after);

  /// What the log takes, about.
  int64_t log_bytes() const { return log_bytes_; }

  /// Once ended: only the log is needed from here on.
  void forget_tokens();

  const sequence_id id;
  open_entry request;
  subscriber_key subscriber;
  accepted_response acceptance;
  const steady_time accepted;
  const steady_time deadline;
  std::vector<token_id> emitted;
  epoch_number epoch = 0; // in which it was last dispatched; 0: not yet
  steady_time first_token{};
  steady_time last_token{};
  std::optional<steady_time> kept_since; // without a reader, or read to its end: the resume window counts

private:
  response_event& push(event_kind kind);
  void open_text(const sampled_token& first);
  void close_text(const answer_piece& last);
  void count_tokens(response_event& terminal) const;

  std::optional<answer_text> answer_;    // until the tokens are forgotten
  std::vector<response_event> log_;      // index = sequence number
  std::string text_;                     // told
  std::vector<token_logprobs> logprobs_; // of its tokens, if asked for
  int32_t cached_tokens_ = 0; // when its first token came: what a restart finds again is none of the client's
  size_t sent_ = 0;           // events handed out
  size_t acknowledged_ = 0;   // events that the reader confirmed
  int64_t unacknowledged_bytes_ = 0;
  int64_t log_bytes_ = 0;
  bool attached_ = true;
};

} // namespace troupe
