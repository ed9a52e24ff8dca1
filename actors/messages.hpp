#pragma once

#include "actors/errors.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "memory/page_chain.hpp"
#include "model/sampling_params.hpp"
#include "model/token_logprobs.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Every message between our actors: plain structs with units and shapes. No CAF here, so that the plain
/// classes behind the actors can use them; actors/interfaces.hpp says who sends what to whom.
namespace troupe {

// -- a door to intake
// ------------------------------------------------------------------------------------------

/// One turn of a conversation, as the chat template sees it.
struct chat_message {
  std::string role; // "system", "user", "assistant", "tool", ...
  std::string content;
};

/// How a reader may come back to a response. Doors that cannot resume leave it empty.
struct resume_terms {
  std::string owner;           // whose key asked; to anybody else the response does not exist. Empty: no keys
  std::string stream_token;    // unguessable; empty: the response ends with its reader
  bool token_optional = false; // the owner alone may attach: the response is stored for it
  std::string door_state;      // what the door needs to write the events again; opaque to all others
};

inline constexpr int32_t priority_max = 100;          // and as many levels below 0
inline constexpr size_t stop_strings_max = 16;        // of a request
inline constexpr size_t stop_string_bytes_max = 1024; // each
inline constexpr size_t stop_tokens_max = 1024;       // of a request

/// What a client asks for, before validation. Absent values mean the default, never a sentinel.
struct generation_request {
  std::string response_id;             // "resp_…", made by the door (make_id)
  std::string request_id;              // the client's X-Request-Id or the door's own, for the log
  std::string model;                   // as the client named it; empty: whatever is served
  std::vector<chat_message> messages;  // rendered with the chat template; empty: `prompt` is used
  std::string prompt;                  // continued as it is, without a template
  std::vector<token_id> prompt_tokens; // the same, in tokens of the vocabulary: nothing is put before them
  std::optional<int32_t> max_tokens;   // of the answer; absent: up to the context length
  std::optional<uint64_t> seed;        // absent: drawn by intake
  sampling_params sampling;            // its seed is set from the field above; `choice`: each of n answers is
                                       // a request of its own
  // The answer ends before the first of these: at most stop_strings_max, of 1 to stop_string_bytes_max bytes.
  std::vector<std::string> stop;
  std::vector<token_id> stop_token_ids;    // at most stop_tokens_max: end tokens of this request
  bool ignore_eos = false;                 // the model's own end tokens are tokens like others
  bool include_stop_str_in_output = false; // of the stop string, or of the stop token
  std::optional<int32_t> prompt_logprobs;  // 0 to logprobs_max alternatives beside each token of the prompt
  std::optional<int64_t> timeout_ms;       // absent: request_timeout_ms
  std::string tenant;                      // whose key asked; empty: no keys. Shares no page with another
  std::string cache_salt; // of this tenant's requests only those with the same salt share pages
  int32_t priority = 0;   // -priority_max to priority_max; lower goes first
  steady_time arrived{};  // set by the front door: deadlines count from here. Unset: from intake
  resume_terms resume;
};

/// A refusal, before event 0 left.
struct rejection {
  request_error code = request_error::internal;
  std::string message;       // what is wrong and what to do
  std::string param;         // the request's field, or empty
  int32_t retry_after_s = 0; // 0: no Retry-After
};

/// The request is in the ledger; its events follow.
struct accepted_response {
  std::string response_id;
  int64_t created_at = 0; // seconds since 1970
  std::string model;      // served name
  int32_t prompt_tokens = 0;
  int32_t max_tokens = 0;    // in force
  uint64_t seed = 0;         // in force
  std::string door_state;    // of resume_terms, for a reader that attached
  bool read_already = false; // attached behind the terminal event: no event follows
};

/// What intake answers: exactly one of the two.
struct intake_reply {
  std::optional<accepted_response> accepted;
  std::optional<rejection> rejected;
};

// -- the ledger to a door
// --------------------------------------------------------------------------------------

/// The life of a response with one message of one text part, in order. `failed` may follow any but a
/// terminal.
enum class event_kind : uint8_t {
  created,
  in_progress,
  output_item_added, // logprobs: the prompt's, if prompt_logprobs asked for them, one a token
  content_part_added,
  output_text_delta, // text: the delta, whole characters, never empty. logprobs: of the tokens whose text
                     // begins in this delta or, having none, before it
  output_text_done,  // text: the whole answer, here and in the following ones. logprobs: likewise, all of
                     // them; the last may have come with no delta, if they have no text
  content_part_done,
  output_item_done,
  completed,  // terminal: an end token or a stop string, which is stop_reason
  incomplete, // terminal: max_tokens reached
  failed,     // terminal: error and error_message say why
};

inline bool is_terminal(event_kind kind) {
  return kind >= event_kind::completed;
}

/// What of the request's stop_token_ids or stop ended the answer; neither: the model's own end token.
using stop_reason = std::variant<std::monostate, token_id, std::string>;

struct response_event {
  std::string response_id;
  int64_t sequence_number = 0; // 0, 1, 2, ... in each response
  event_kind kind = event_kind::created;
  std::string text;
  int32_t prompt_tokens = 0;                     // terminal events
  int32_t cached_tokens = 0;                     // of the prompt, from the prefix cache
  int32_t output_tokens = 0;                     // deltas, terminal events: sampled tokens, an end token too
  bool cut = false;                              // output_item_done: max_tokens ended the item
  int64_t ended_at = 0;                          // terminal events: seconds since 1970
  request_error error = request_error::internal; // failed only
  std::string error_message;
  logprob_list logprobs = {};      // see event_kind; null: not asked for
  stop_reason stopped_by = {};     // completed only
  double cumulative_logprob = 0.0; // terminal events: over all output_tokens, if logprobs were asked for
};

/// All events of one step for one subscriber.
struct event_batch {
  std::vector<response_event> events;
};

/// The subscriber has passed everything up to this number on: room for more (ledger → subscriber credit).
struct acknowledge_events {
  std::string response_id;
  int64_t sequence_number = 0;
};

struct cancel_response {
  std::string response_id;
};

/// The reader went away and may come back: the answer goes on for resume_window_ms, unread.
struct detach_reader {
  std::string response_id;
};

/// A reader takes over, from the event after `starting_after` (-1: all). The reader before hears no more.
struct attach_reader {
  std::string response_id;
  std::string owner;        // as in resume_terms
  std::string stream_token; // may be empty where token_optional says so
  int64_t starting_after = -1;
};

// -- intake to the ledger
// --------------------------------------------------------------------------------------

/// A validated request: everything that determines the answer.
struct sequence_spec {
  std::vector<token_id> prompt; // at least one
  sampling_params sampling;
  int32_t max_tokens = 1;                 // of the answer
  std::vector<token_id> end_tokens;       // the model's own: sampling one of these ends the answer
  std::vector<token_id> stop_tokens = {}; // the request's: likewise
  std::vector<std::string> stop = {};     // the ledger's business alone
  bool include_stop = false;              // the stop string, or the stop token's text, belongs to the answer
  std::optional<int32_t> prompt_logprobs = {}; // such a sequence computes its whole prompt: no cached prefix
  std::string tenant = {};                     // shares the machine fairly with others, and no page
  std::string cache_salt = {};                 // as in generation_request
  int32_t priority = 0;                        // lower goes first
};

struct open_entry {
  std::string response_id;
  std::string request_id;
  std::string model;
  sequence_spec spec;
  int64_t timeout_ms = 0; // remaining; deadlines travel as durations
  resume_terms resume;
};

// -- the ledger to an engine
// -----------------------------------------------------------------------------------

/// Start, or go on, with a sequence. An engine of another epoch drops it: the ledger sends it again.
struct dispatch_sequence {
  epoch_number epoch = 0;
  sequence_id id = 0;
  sequence_spec spec;
  std::vector<token_id> emitted; // already in the ledger; replayed by prefill
  int32_t group = 0;        // sequences of different groups never share a step; 0: everybody but suspects
  int32_t apart_tokens = 0; // so many of its tokens later it belongs to group 0
};

struct cancel_sequence {
  epoch_number epoch = 0;
  sequence_id id = 0;
};

/// Room for one more step's results (executor → ledger credit: two steps).
struct step_ack {
  epoch_number epoch = 0;
  uint64_t step = 0;
};

// -- inside an engine
// ------------------------------------------------------------------------------------------

/// One sequence's part of a step.
struct step_row {
  sequence_id id = 0;           // 0: the canary
  std::vector<token_id> tokens; // to compute, at positions [position, position + tokens.size())
  int32_t position = 0;
  std::vector<page_id> block_table; // pages of positions [0, position + tokens.size()); no_page: not seen
  bool sample = false;              // draw a token after the last one
  bool score = false;        // rank what follows each token in the prompt: as many rows of logits as tokens
  int32_t cached_tokens = 0; // of the prompt, that were not computed for this sequence
};

struct step_plan {
  uint64_t step = 0; // 1, 2, 3, ... in each epoch
  std::vector<step_row> rows;
  std::vector<dispatch_sequence> started; // sequences whose sampler state the executor must build
  std::vector<sequence_id> ended;         // sequences whose sampler state the executor may drop
  bool continues = false; // sequences were waiting for this step: the gap before it is overhead
};

enum class finish_reason : uint8_t { none, stop, length, error };

struct sampled_token {
  sequence_id id = 0;
  int32_t position = 0; // in the answer: 0 is the first token
  token_id token = 0;
  finish_reason finish = finish_reason::none;
  logprob_list logprobs = {};        // exactly one, if asked for
  logprob_list prompt_logprobs = {}; // at position 0, if asked for: one a token of the prompt
  int32_t cached_tokens = 0;         // as in step_row
};

/// One message a step, to the ledger and to the batcher.
struct step_result {
  epoch_number epoch = 0;
  uint64_t step = 0;
  std::vector<sampled_token> tokens;
  int32_t computed_tokens = 0; // over all rows
  int64_t step_us = 0;         // forward pass and sampling
  int64_t idle_us = 0;         // from the end of the step before
};

/// Pages wanted for the first `tokens` positions of a sequence; what it has already stays.
struct page_need {
  sequence_id id = 0;
  int32_t tokens = 0;
  // For a sequence without pages: all it knows. Its last token is never taken from the cache, since logits
  // are wanted. Null: it neither finds pages nor lets itself be found.
  std::shared_ptr<const page_chain> prefix;
  bool may_wait = true; // for another sequence that is computing this one's next page
  int32_t computed = 0; // positions in its pages; what a query there does not see may go back
  int32_t ahead = 0;    // pages for so many positions past the computed ones are enough; 0: for all
};

/// Full pages whose keys and values a step that ended has computed: from now on others may find them.
struct computed_pages {
  sequence_id id = 0;
  int32_t first_page = 0;       // in its block table
  std::vector<token_id> tokens; // whole pages of them
};

/// Batcher → page manager, at most one in flight. Its parts in this order.
struct page_request {
  std::vector<computed_pages> computed;
  std::vector<sequence_id> released; // all pages of these go back
  std::vector<page_need> needs;      // in order of precedence: after a refusal nobody gets any
};

struct page_grant {
  sequence_id id = 0;
  bool granted = false;       // false: nothing changed for this sequence
  std::vector<page_id> pages; // appended to the block table; no_page: of a cached beginning, not seen
  bool awaits = false;        // not granted, because another sequence is computing the next page
  int32_t cached_tokens = 0;  // positions that need no computing; if it awaits: those found so far
};

struct page_grants {
  std::vector<page_grant> grants; // one a need, same order
  int32_t free_pages = 0;
  int32_t idle_pages = 0; // without a user, kept for their content
  int32_t total_pages = 0;
};

struct batch_timer {
  uint64_t generation = 0; // an older timer than the planner's is ignored
};

// -- supervision and health
// ------------------------------------------------------------------------------------

/// From an engine's supervisor to the ledger: this epoch takes sequences now; all earlier ones are void.
struct engine_up {
  epoch_number epoch = 0;
  std::vector<sequence_id>
      fatal_step; // sequences of the step in which the engine before crashed; empty: none
};

/// The engine's supervisor has given up.
struct engine_gone {
  std::string reason;
};

/// The ledger died, and with it every entry: doors end their streams with an error.
struct ledger_lost {};

/// Health monitor → engine → batcher: take a step soon, a canary if there is nothing to do.
struct health_probe {};

/// From the batcher, once a step ended after the probe.
struct health_report {
  uint64_t step = 0;
  int64_t step_us = 0;
};

struct tick {};

enum class engine_part : uint8_t { batcher, executor, page_manager, engine };
enum class fault_kind : uint8_t { throw_error, kill, poison, hang, device };

/// For tests, where fault_injection is on.
struct inject_fault {
  engine_part part = engine_part::executor;
  fault_kind kind = fault_kind::throw_error;
  uint64_t seed =
      0; // poison, hang: from now on a step that computes a request with this seed crashes, or never ends
};

} // namespace troupe
