#pragma once

#include "net/request_parser_responses.hpp"

#include <string>
#include <string_view>

namespace troupe {

class json_writer;

/// "response.created", "response.output_text.delta", ...
std::string_view event_name(event_kind);

/// The JSON of one response: its events and the response object with all 31 fields. Both are functions of
/// the request and the events, but for completed_at.
class response_json {
public:
  explicit response_json(response_echo echo) : echo_(std::move(echo)) {}

  void accept(const accepted_response&);

  /// One event object. item_incomplete: the answer was cut at max_output_tokens (output_item_done only).
  /// now: seconds since 1970.
  std::string event(const response_event&, bool item_incomplete, int64_t now) const;

  /// The response object after a terminal event.
  std::string object(const response_event&, int64_t now) const;

private:
  void write_response(json_writer&, const response_event&, int64_t now) const;
  void write_outcome(json_writer&, const response_event&, int64_t now) const;
  void write_request(json_writer&) const;
  void write_output(json_writer&, const response_event&) const;
  void write_item(json_writer&, std::string_view state, const std::string* text) const;

  response_echo echo_;
  accepted_response accepted_;
  std::string item_id_; // "msg_" and the digits of the response's id
};

} // namespace troupe
