#pragma once

#include "actors/messages.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// Hears about one response. Called on the I/O executor that the front door was given, never concurrently for
/// one listener; no call comes after on_rejected or after a terminal event.
class stream_listener {
public:
  virtual ~stream_listener() = default;
  virtual void on_accepted(const accepted_response&) = 0;
  virtual void on_rejected(const rejection&) = 0;
  virtual void on_events(std::span<const response_event>) = 0;
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

/// All that the HTTP and WebSocket side needs of the runtime. net/actor_bridge.* implements it over the
/// actors; tests use a fake. Thread-safe, non-blocking.
class front_door {
public:
  virtual ~front_door() = default;

  /// request.response_id must be set. Exactly one of on_accepted and on_rejected follows.
  virtual void submit(generation_request request, std::shared_ptr<stream_listener> listener) = 0;

  /// The client was sent everything up to this number: the ledger may hand out more.
  virtual void acknowledge(std::string_view response_id, int64_t sequence_number) = 0;

  /// The client went away or asked to stop. A `failed` event with request_error::cancelled may still come.
  virtual void cancel(std::string_view response_id) = 0;

  virtual node_status status() const = 0;
  virtual served_model model() const = 0;

  /// For tests; only called where settings.fault_injection is on.
  virtual void inject(const inject_fault&) = 0;
};

} // namespace troupe
