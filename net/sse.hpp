#pragma once

#include <string>
#include <string_view>

/// Framing of server-sent events (WHATWG HTML, section 9.2), LF only. JSON on one line needs no escaping.
namespace troupe {

inline constexpr std::string_view sse_done = "data: [DONE]\n\n";
inline constexpr std::string_view sse_keep_alive = ": keep-alive\n\n";

/// One event without a name.
inline std::string sse_event(std::string_view data) {
  std::string frame;
  frame.reserve(data.size() + 8);
  return frame.append("data: ").append(data).append("\n\n");
}

inline std::string sse_event(std::string_view name, std::string_view data) {
  std::string frame;
  frame.reserve(name.size() + data.size() + 16);
  return frame.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

} // namespace troupe
