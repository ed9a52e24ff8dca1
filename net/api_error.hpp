#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// An OpenAI error object and the HTTP status that goes with it.
struct api_error {
  int status = 500;
  std::string type = "server_error";
  std::string code; // empty: null
  std::string message;
  std::string param;         // the request's field; empty: null
  int32_t retry_after_s = 0; // 0: no Retry-After
};

/// The text with a question mark for each control character: some messages quote a client's words, and those
/// could drive the terminal of whoever reads them.
std::string without_controls(std::string_view);

api_error to_api_error(const rejection&);

/// Of a `failed` event.
api_error to_api_error(const response_event&);

/// A problem with the HTTP request itself: 400, 401, 404, 405, 408, 413, ...
api_error http_problem(int http_code, std::string code, std::string message);

/// {"error":{"message":...,"type":...,"param":...,"code":...}}
std::string error_body(const api_error&);

/// The same for a WebSocket: {"type":"error","status":...,"error":{...}}
std::string error_envelope(const api_error&);

} // namespace troupe
