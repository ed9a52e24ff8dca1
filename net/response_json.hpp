#pragma once

#include "net/request_parser_responses.hpp"

#include <string>
#include <string_view>

namespace troupe {

class json_writer;

/// "response.created", "response.output_text.delta", ...
std::string_view event_name(event_kind);

/// The JSON of one response: its events and the response object with all 31 fields. Both are functions of
/// the request and the events, so that a reader who comes back gets the same bytes.
class response_json {
public:
  /// Of nothing yet: accept() must bring the door's state.
  response_json() = default;

  /// stream_token: told to the client in `created`; empty: not told.
  explicit response_json(const response_echo&, std::string stream_token = {});

  /// All that another response_json needs to write the same: the door_state of resume_terms.
  std::string door_state() const { return stream_token_ + '\n' + request_fields_; }

  /// With a door_state, that one counts.
  void accept(const accepted_response&);

  /// One event object.
  std::string event(const response_event&) const;

  /// The response object after this event.
  std::string object(const response_event&) const;

  /// The same as GET gives it after a terminal event: OpenAI has a status `cancelled`, which the events of
  /// the Responses specification do not know.
  std::string stored_object(const response_event&) const;

private:
  std::string write_response(const response_event&, std::string_view state) const;
  void write_outcome(json_writer&, const response_event&, std::string_view state) const;
  void write_output(json_writer&, const response_event&) const;
  void write_item(json_writer&, std::string_view state, const response_event* done) const; // null: no text

  std::string request_fields_; // members of the response object that tell of the request, without braces
  std::string stream_token_;
  accepted_response accepted_;
  std::string item_id_; // "msg_" and the digits of the response's id
};

} // namespace troupe
