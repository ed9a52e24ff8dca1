#pragma once

#include "actors/messages.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What nodes say to each other: plain structs, one header. Any of them may be lost with its connection, come
/// twice or late; nothing here relies on order.
namespace troupe {

/// A node of version N understands N - 1 too, and speaks it to a node that is no further.
inline constexpr uint16_t wire_version = 1;
inline constexpr uint16_t wire_version_min = 1;

inline constexpr size_t wire_payload_bytes_max = 256 * 1024; // of one message; longer things go in parts
inline constexpr size_t node_name_bytes_max = 64;
inline constexpr size_t node_address_bytes_max = 256;
inline constexpr size_t wire_addresses_max = 32; // in one message
inline constexpr size_t wire_prefixes_max = 64;  // in one status
inline constexpr size_t wire_announced_max = 1024;
inline constexpr size_t response_id_bytes_max = 128;

/// A node's life: a new process is a new incarnation; one that was thought dead comes back with a new epoch.
struct node_life {
  uint64_t incarnation = 0; // rises with each start
  uint32_t epoch = 0;       // rises with each return
  auto operator<=>(const node_life&) const = default;
};

struct node_card {
  std::string name = {}; // 1 to node_name_bytes_max bytes
  node_life life = {};
  uint64_t numeric_class = 0; // equal: the same bits for the same request
  std::string address = {};   // where it listens for peers
  uint16_t version = wire_version;
  uint16_t version_min = wire_version_min;
};

/// What routing knows of a node. Stale by up to a ping; that costs speed only.
struct node_status {
  bool draining = false;
  uint32_t running = 0, waiting = 0;   // requests in its engine
  uint32_t capacity = 1;               // requests in one step
  std::vector<uint64_t> prefixes = {}; // of prompts that it has cached: prefix_hashes()
};

// -- membership

/// First on each connection, from both sides. A node counts as there once it has echoed our life: so messages
/// go through in both directions.
struct hello {
  node_card card = {};
  std::optional<node_life> echo = {};      // the receiver's life, as heard on this connection
  std::vector<std::string> addresses = {}; // of other nodes
};

struct ping {
  uint64_t number = 0;
  node_status status = {};
  std::vector<std::string> addresses = {};
};

/// Sent by way of the actors that must make progress.
struct pong {
  uint64_t number = 0;
};

/// The receiver counts as dead here up to this life: it comes back with a newer one.
struct obituary {
  node_life life = {};
};

/// Give it nothing new; gone: it has handed on what it had.
struct leaving {
  bool gone = false;
};

// -- entries: to a buddy, to a new home, to an engine

/// Who holds an entry. Of two the greater counts; the other yields when it hears of it.
struct ownership {
  uint32_t term = 1; // rises with each move and takeover
  std::string node = {};
  auto operator<=>(const ownership&) const = default;
};

/// One try at computing an answer. Tokens of any but the newest are dropped.
struct attempt_epoch {
  ownership owner = {};
  uint32_t number = 0;
  auto operator<=>(const attempt_epoch&) const = default;
};

enum class transfer_purpose : uint8_t {
  copy,    // to the buddy, for the case that the owner dies
  move,    // the receiver becomes the owner
  attempt, // the receiver's engine computes it
};

/// An end that does not follow from the tokens.
struct entry_failure {
  request_error code = request_error::internal;
  std::string message = {};
};

/// What changes while an entry lives, beside its tokens.
struct entry_notes {
  uint64_t numeric_class = 0; // of the node that accepted it: only such nodes may go on with it
  uint32_t revision = 0;      // rises with each change
  bool committed = false;     // event 0 left
  uint32_t fatal_steps = 0;   // that contained the request
  std::string runs_on = {};   // node of the present attempt; empty: none
  std::optional<entry_failure> failure = {};
};

/// The beginning of a transfer: everything but prompt and tokens.
struct entry_head {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {}; // response id
  attempt_epoch epoch = {};
  open_entry request = {}; // its prompt is empty: it follows in parts
  accepted_response acceptance = {};
  int64_t remaining_ms = 0; // to the deadline; durations travel, not times
  uint32_t prompt_tokens = 0;
  uint32_t tokens = 0; // emitted so far: as many must follow
  entry_notes notes = {};
  bool leaving = false; // move: the sender goes and cannot be the buddy
  bool apart = false;   // attempt: shares no step with another
};

struct entry_prompt {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {};
  attempt_epoch epoch = {};
  uint32_t offset = 0; // in tokens
  std::vector<token_id> tokens = {};
};

struct entry_tokens {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {};
  attempt_epoch epoch = {};
  uint32_t position = 0; // in the answer
  std::vector<sampled_token> tokens = {};
  entry_notes notes = {};
};

enum class transfer_answer : uint8_t {
  partial, // so much is there
  held,    // all that the head promised is there
  refused, // no room: try another node
  fenced,  // there is a newer one
};

struct entry_ack {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {};
  attempt_epoch epoch = {};
  transfer_answer answer = transfer_answer::partial;
  uint32_t prompt = 0, tokens = 0, revision = 0; // of what is there
  ownership newest = {};                         // fenced
};

/// The copy or attempt is not needed any more.
struct entry_drop {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {};
  attempt_epoch epoch = {}; // and all older ones
};

struct entry_drop_ack {
  transfer_purpose purpose = transfer_purpose::copy;
  std::string id = {};
  attempt_epoch epoch = {};
};

// -- an engine to the home of what it computes

struct attempt_tokens {
  std::string id = {};
  attempt_epoch epoch = {};
  uint32_t position = 0;
  std::vector<sampled_token> tokens = {};
};

struct attempt_tokens_ack {
  std::string id = {};
  attempt_epoch epoch = {};
  uint32_t tokens = 0; // of the answer, that are there
};

struct attempt_failed {
  std::string id = {};
  attempt_epoch epoch = {};
  bool in_fatal_step = false; // it was computed when the engine died; else it waited
};

// -- looking for an entry

/// Whoever has it moves it to the asker; to those who may not know, it does not exist.
struct locate {
  uint64_t lookup = 0;
  std::string id = {};
  std::string owner = {};        // whose key asks
  std::string stream_token = {}; // as in resume_terms
  bool cancel = false;           // end it instead
};

enum class located_state : uint8_t { unknown, copy, owner, cancelled };

struct located {
  uint64_t lookup = 0;
  std::string id = {};
  located_state state = located_state::unknown;
};

struct announced_entry {
  std::string id = {};
  ownership owner = {};
  bool attached = false; // somebody reads it there
};

/// What the sender owns. Of two owners the one with a reader keeps the entry, else the greater ownership.
struct announce {
  std::vector<announced_entry> entries = {};
};

using wire_body = std::variant<hello, ping, pong, obituary, leaving, entry_head, entry_prompt, entry_tokens,
                               entry_ack, entry_drop, entry_drop_ack, attempt_tokens, attempt_tokens_ack,
                               attempt_failed, locate, located, announce>;

struct wire_header {
  uint16_t version = wire_version; // the lower of both nodes'
  node_life from = {};
  node_life to = {}; // nothing meant for an earlier life reaches a later one
};

struct wire_message {
  wire_header header = {};
  wire_body body = {};
};

} // namespace troupe
