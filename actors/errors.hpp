#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Why a request was refused or ended without an answer. net/ maps each to an HTTP status and an error
/// object.
enum class request_error : uint8_t {
  invalid_value = 1,       // 400: a parameter is out of its bounds
  not_supported,           // 400: a feature that this release does not have
  model_not_found,         // 404
  context_length_exceeded, // 400: prompt and answer do not fit the context or the KV cache
  too_many_requests,       // 429, with Retry-After
  not_ready,               // 503, with Retry-After: loading, or the engine is down
  deadline_exceeded,       // 504: not finished within its timeout
  engine_failed,           // 500: the engine could not finish it, nor could its restarts
  request_quarantined,     // 500: it crashed the engine while nothing else ran
  cancelled,               // the client asked, or went away
  response_not_found,      // 404
  internal,                // 500
};

std::string_view to_string(request_error);
inline std::string_view module_name(request_error) {
  return "request";
}

} // namespace troupe
