#pragma once

#include "actors/messages.hpp"
#include "supervision/ledger_entry.hpp"
#include "tests/sim/lone_run.hpp"
#include "tests/sim/message_edge.hpp"

#include <optional>
#include <string>

namespace troupe::sim {

/// What a client will do with its one response.
struct client_habits {
  int64_t cancel_at = -1; // once it saw so many events; -1: never
  int64_t detach_at = -1; // likewise: it goes away
  bool returns = false;   // and comes back, if the response can be resumed
};

/// One reader of one response. It knows what the request gets alone, and takes nothing else.
class sim_client {
public:
  sim_client(open_entry request, lone_answer expected, client_habits habits);

  /// Checks numbers, order and text. Throws world_failure.
  void receive(const event_batch& batch);

  /// crashes_alone: fatal steps that held nothing but this request. Throws world_failure.
  void check_end(const response_event& last, int64_t crashes_alone) const;

  const std::string& id() const { return request.response_id; }
  bool resumable() const { return !request.resume.stream_token.empty(); }
  bool ended() const { return terminal_.has_value(); }
  int64_t seen() const { return next_number_; }
  const response_event* terminal() const { return terminal_ ? &*terminal_ : nullptr; }

  /// Where an attach starts.
  int64_t last_seen() const { return next_number_ - 1; }

  const open_entry request;
  const lone_answer expected;
  const client_habits habits;
  subscriber_key subscriber = 0;
  bool accepted = false, rejected = false;
  bool reading = true;
  bool cancelled = false; // it sent the cancellation
  bool detached = false;  // it went away at least once
  bool came_back = false; // or tried to
  bool ended_in_ledger = false;
  message_edge from_ledger{"a client gets events"}, to_ledger{"the ledger hears of a client"};

private:
  void check_event(const response_event& event) const;

  int64_t next_number_ = 0;
  std::optional<response_event> terminal_;
};

} // namespace troupe::sim
