#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace troupe {

/// Turns the bytes of a text/event-stream, cut anywhere, into events.
/// Source: WHATWG HTML, 9.2.6 "Interpreting an event stream"; `id` and `retry` are ignored.
class sse_parser {
public:
  struct event {
    std::string_view type; // "message" if the stream names none
    std::string_view data; // lines joined with LF
  };
  using handler = std::function<void(const event&)>;

  /// event_bytes_max: of a line, and of one event's data.
  explicit sse_parser(handler on_event, size_t event_bytes_max = 1 << 20)
      : on_event_(std::move(on_event)), bytes_max_(event_bytes_max) {}

  /// False once a line or an event was too long; everything after it is ignored. What the stream leaves
  /// unfinished at its end is no event.
  bool feed(std::string_view bytes);

private:
  void end_line();
  void field(std::string_view name, std::string_view value);
  void dispatch();

  handler on_event_;
  size_t bytes_max_;
  std::string line_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
  bool after_cr_ = false;  // an LF that follows belongs to the CR before
  bool first_line_ = true; // may start with a byte order mark
  bool too_long_ = false;
};

} // namespace troupe
