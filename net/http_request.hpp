#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// One HTTP/1 request.
struct http_request {
  std::string method; // "POST", ...
  std::string target; // path and query
  bool http_1_0 = false;
  bool keep_alive = true;
  bool upgrade = false; // to a WebSocket
  bool has_body = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// Name in any case; empty if absent. The first one, if there are several.
  std::string_view header(std::string_view name) const;
};

/// "a", "A": equal.
bool equal_ignoring_case(std::string_view, std::string_view);

/// The client's X-Request-Id if it is 1 to 128 of letters, digits, '.', '_', '-', ':'; else a new "req_…".
std::string request_id_of(const http_request&);

/// What Content-Encoding says, shortened and in printable ASCII for a message; empty where it is absent or
/// "identity".
std::string content_coding_of(const http_request&);

/// A browser page of another origin may not open a WebSocket here. True without Origin.
bool same_origin(const http_request&);

} // namespace troupe
