#pragma once

#include "actors/messages.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace troupe {

/// Hears about one response. Called on the I/O executor that the front door was given, never concurrently for
/// one listener; no call comes after on_rejected or after a terminal event.
class stream_listener {
public:
  virtual ~stream_listener() = default;
  virtual void on_accepted(const accepted_response&) = 0;
  virtual void on_rejected(const rejection&) = 0;
  virtual void on_events(std::span<const response_event>) = 0;

  /// Another listener attached to this response: no call comes after this one.
  virtual void on_taken_over() {}
};

/// What a probe or a metrics page may know without asking an actor.
struct node_status {
  bool live = true;
  bool ready = false;
  std::string reason; // why not ready, for people
};

struct served_model {
  std::string id;
  int64_t created = 0; // seconds since 1970
  int32_t max_model_len = 0;
};

/// What became of a wish about a model: the model, or why not.
using model_outcome = std::function<void(tl::expected<served_model, rejection>)>;

/// All that the HTTP and WebSocket side needs of the runtime. net/actor_bridge.* implements it over the
/// actors; tests use a fake. Thread-safe, non-blocking.
class front_door {
public:
  virtual ~front_door() = default;

  /// request.response_id must be set. Exactly one of on_accepted and on_rejected follows.
  virtual void submit(generation_request request, std::shared_ptr<stream_listener> listener) = 0;

  /// The client was sent everything up to this number: the ledger may hand out more.
  virtual void acknowledge(std::string_view response_id, int64_t sequence_number) = 0;

  /// The client went away for good. A `failed` event with request_error::cancelled may still come.
  virtual void cancel(std::string_view response_id) = 0;

  /// The client asked to end it: the listener hears of `failed` with request_error::cancelled, unless the
  /// answer ended by itself.
  virtual void stop(std::string_view response_id) = 0;

  /// The reader went away and may come back: a response with a stream token goes on for resume_window_ms,
  /// others are cancelled. The listener hears of nothing but the terminal event. No effect if another
  /// listener has attached meanwhile.
  virtual void detach(std::string_view response_id, std::shared_ptr<stream_listener> listener) = 0;

  /// A reader comes back. Exactly one of on_accepted and on_rejected follows (response_not_found: unknown,
  /// another owner's, a wrong token, or the window is over; invalid_value: starting_after is ahead of the
  /// log), then the events after starting_after as if they were new.
  virtual void attach(attach_reader reader, std::shared_ptr<stream_listener> listener) = 0;

  virtual node_status status() const = 0;

  /// The first one answers requests that name no model. Empty: none is loaded.
  virtual std::vector<served_model> models() const = 0;

  /// Opens a file of the server's and serves it under a name (empty: the file's, without its extension). A
  /// model of that name gets no more requests and goes when its last answer has ended; if the new one cannot
  /// be loaded nothing changes. `done` is called on the I/O executor. Errors: invalid_value, with the reason;
  /// too_many_requests: another load is in progress, or too many models are held; not_supported.
  virtual void load(std::string path, std::string name, model_outcome done);

  /// It gets no more requests and goes when its last answer has ended. Errors: model_not_found,
  /// not_supported.
  virtual void unload(std::string name, model_outcome done);

  /// For tests; only called where settings.fault_injection is on.
  virtual void inject(const inject_fault&) = 0;
};

} // namespace troupe
