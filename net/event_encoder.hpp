#pragma once

#include "actors/messages.hpp"

#include <string>
#include <vector>

namespace troupe {

/// Turns the events of one response, or of the choices of one request, into what its door sends.
class event_encoder {
public:
  virtual ~event_encoder() = default;

  /// Comes first, once.
  virtual void accept(const accepted_response&) = 0;

  /// Appends zero or more complete frames: SSE events, WebSocket messages, or one JSON body at the end.
  virtual void encode(const response_event&, std::vector<std::string>& frames) = 0;

  /// The answer ends with this event, which was encoded.
  virtual bool ends_with(const response_event& event) const { return is_terminal(event.kind); }

  /// The door's field that holds the prompt: a refusal of the prompt names it.
  virtual const char* prompt_field() const { return "input"; }

  /// The reader had the terminal event already: appends what comes after it.
  virtual void close(std::vector<std::string>&) {}
};

} // namespace troupe
