#pragma once

#include "actors/messages.hpp"
#include "base/clock.hpp"
#include "supervision/ledger_entry.hpp"
#include "supervision/suspects.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe {

struct ledger_limits {
  size_t entries_max = 256;               // admitted and not ended
  size_t entries_per_tenant_max = 0;      // of them, of one tenant; 0: no bound of its own
  int64_t unsent_bytes_max = 1024 * 1024; // events of one response that its reader has not acknowledged
  milliseconds resume_window{10'000};     // 0: a response ends with its reader
  milliseconds end_wait{30'000};          // past its deadline, for a reader that has not taken the end
  int64_t kept_bytes_max = 64 << 20;      // logs of ended responses that a reader may come back for
};

/// Times of one response, for metrics.
struct response_timing {
  double queue_and_prefill_s = 0; // accepted → first token
  double total_s = 0;             // accepted → terminal event
};

struct ended_response {
  std::string request_id;
  std::string response_id;
  event_kind kind = event_kind::completed;
  request_error error = request_error::internal; // failed only
  int32_t prompt_tokens = 0;
  int32_t output_tokens = 0;
  response_timing timing;
};

struct addressed_event {
  subscriber_key subscriber = 0;
  response_event event;
};

/// What the ledger's actor does after an event. Order within a list is the order of sending.
struct ledger_effects {
  std::vector<addressed_event> events;
  std::vector<dispatch_sequence> dispatches;
  std::vector<cancel_sequence> cancels;
  std::optional<step_ack> ack;
  std::vector<double> first_token_s; // accepted → first token
  std::vector<double> inter_token_s; // between two tokens of one response
  std::vector<ended_response> ended;
  size_t stale_tokens = 0; // dropped: of an old epoch, or known already
};

/// Every accepted request with its tokens and its numbered events: the error kernel. It holds what is needed
/// to run any answer again from where it was, and lets an engine's results in only by epoch and position, so
/// that no restart can lose, repeat or rewrite a token. Plain code, no I/O.
class ledger {
public:
  ledger(ledger_limits limits, make_text_decoder decoder, const time_source& clock,
         token_bytes_of bytes = {});

  /// Accepts or refuses. Errors: too_many_requests, not_ready.
  std::variant<accepted_response, rejection> open(open_entry request, subscriber_key subscriber,
                                                  ledger_effects&);

  ledger_effects step(const step_result& result);
  ledger_effects acknowledge(const acknowledge_events& ack);
  ledger_effects cancel(const std::string& response_id);

  /// The reader went away: it hears of nothing but the end, which comes at once without a stream token.
  ledger_effects detach(const std::string& response_id);

  /// Errors: response_not_found, which says no more to those who may not know; invalid_value.
  std::variant<accepted_response, rejection> attach(const attach_reader& reader, subscriber_key subscriber,
                                                    ledger_effects&);

  /// Its responses are detached.
  ledger_effects lose_subscriber(subscriber_key subscriber);
  ledger_effects engine_started(const engine_up& up);
  ledger_effects engine_lost(const engine_gone& gone);
  ledger_effects check_deadlines();

  // For a cluster (ledger_moves.cpp).

  /// An entry that another node had, with the tokens that it emitted: nobody reads it until somebody
  /// attaches. entries_max does not bound it: its copy was counted when it was taken. False: there is one of
  /// this id.
  bool adopt(open_entry request, accepted_response acceptance, const std::vector<sampled_token>& emitted,
             ledger_effects&);

  /// Ends it with an error, unless it has ended.
  ledger_effects end(const std::string& response_id, request_error code, std::string message);

  /// Who reads a response, and the last event that it was given.
  struct reader_place {
    subscriber_key subscriber = 0;
    int64_t starting_after = -1;
  };

  std::optional<reader_place> reader_of(const std::string& response_id);

  /// It goes to another node: nothing is left here, and no event is sent.
  void release(const std::string& response_id, ledger_effects&);

  bool holds(const std::string& response_id) const { return by_response_.contains(response_id); }

  /// 0: there is none of this id.
  sequence_id sequence_of(const std::string& response_id) const;

  /// Responses that have not ended, or whose reader has not taken the end.
  size_t entries() const { return entries_.size(); }

  /// Ended ones that can still be read again.
  size_t kept() const { return kept_.size(); }

private:
  using entry_map = std::map<sequence_id, ledger_entry>; // in order of arrival

  std::optional<rejection> refuse(const open_entry& request) const;
  int32_t retry_after_s(size_t entries) const;
  void dispatch(ledger_entry& entry, ledger_effects& out);
  void dispatch_suspects(ledger_effects& out);
  void take_token(ledger_entry& entry, const sampled_token& token, ledger_effects& out);
  void fail(ledger_entry& entry, request_error code, std::string message, ledger_effects& out);
  void note_end(const ledger_entry& entry, ledger_effects& out);
  void send_ready(ledger_entry& entry, ledger_effects& out);
  ledger_entry* find(const std::string& response_id);
  void settle(ledger_entry& entry, ledger_effects& out);
  void settle_all(ledger_effects& out);
  void forget(entry_map& map, entry_map::iterator at);
  entry_map::iterator forget_kept(entry_map::iterator at);

  ledger_limits limits_;
  make_text_decoder make_decoder_;
  token_bytes_of bytes_; // empty: log probabilities come without them
  const time_source& clock_;
  entry_map entries_;
  entry_map kept_; // ended, without a reader: for one that comes back within the resume window
  int64_t kept_bytes_ = 0;
  std::unordered_map<std::string, sequence_id> by_response_;
  sequence_id next_sequence_ = 1;
  epoch_number epoch_ = 0; // 0: no engine yet
  std::optional<steady_time> last_end_;
  double end_interval_s_ = 0; // between two ends, exponentially weighted
  suspects suspects_;
  std::set<sequence_id> overtaking_; // streams that have not had a token since the engine started
  std::optional<steady_time> suspects_wait_until_; // for those; absent: no suspect waits
  bool engine_gone_ = false;
};

} // namespace troupe
