#pragma once

#include "supervision/cluster/wire.hpp"
#include "supervision/ledger.hpp"

#include <string>
#include <variant>
#include <vector>

namespace troupe {

/// A connection to another node; the shell makes them up, never 0, never again.
using link_id = uint64_t;

/// Who waits for an answer; the shell makes them up. 0: nobody.
using ticket_id = uint64_t;

/// One run of an attempt in this node's engine.
using run_id = uint64_t;

enum class member_change : uint8_t {
  up,        // there, under this life
  suspected, // still there; gets nothing new
  cleared,   // no longer suspected
  renewed,   // others had thought it dead; here it was not
  leaving,   // gets nothing new
  left,      // gone, having handed on what it had
  down,      // dead, as far as this node can tell
};

enum class down_reason : uint8_t {
  none,
  refused,     // its connection ended and its address refuses another
  silent,      // nothing was heard
  no_progress, // it sends pings and answers none
  replaced,    // a new process of the same name is there
};

struct member_event {
  member_change change = member_change::up;
  node_card card = {};
  down_reason reason = down_reason::none;
};

struct outgoing {
  std::string node = {};
  wire_body body = {};
};

struct link_message {
  link_id link = 0;
  wire_message message = {};
};

struct ticket_answer {
  ticket_id ticket = 0;
  std::variant<accepted_response, rejection> outcome = {};
};

struct lost_reader {
  subscriber_key subscriber = 0;
  std::string response_id = {};
};

struct attempt_start {
  run_id run = 0;
  std::string id = {};
  sequence_spec spec = {};
  std::vector<token_id> emitted = {}; // replayed by prefill
  bool apart = false;                 // shares no step with another
};

/// Asks the actors that must make progress; the shell calls progressed() when they have.
struct progress_probe {
  std::string node = {}; // who asks
  uint64_t number = 0;
};

/// What the shell does after an event, in this order within a list.
struct cluster_effects {
  std::vector<outgoing> sends = {}; // to other nodes, before they have a connection and a header
  std::vector<link_message> messages = {};
  std::vector<std::string> dials = {}; // addresses; each answered by link_up or dial_failed
  std::vector<link_id> closes = {};    // no link_down follows
  std::vector<member_event> members = {};
  std::vector<progress_probe> probes = {};
  std::vector<addressed_event> events = {}; // to readers
  std::vector<ticket_answer> answers = {};
  std::vector<lost_reader> lost_readers = {}; // close their connection: they find the rest on another node
  std::vector<attempt_start> starts = {};     // in the engine of this node
  std::vector<run_id> stops = {};
  std::vector<ended_response> ended = {};
  size_t stale_tokens = 0; // of an older epoch, or known
  bool left = false;       // all is handed on: the process may end
};

} // namespace troupe
