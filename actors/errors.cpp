#include "actors/errors.hpp"

namespace troupe {

std::string_view to_string(request_error value) {
  switch (value) {
  case request_error::invalid_value:
    return "invalid_value";
  case request_error::not_supported:
    return "not_supported";
  case request_error::model_not_found:
    return "model_not_found";
  case request_error::context_length_exceeded:
    return "context_length_exceeded";
  case request_error::too_many_requests:
    return "too_many_requests";
  case request_error::not_ready:
    return "not_ready";
  case request_error::deadline_exceeded:
    return "deadline_exceeded";
  case request_error::engine_failed:
    return "engine_failed";
  case request_error::request_quarantined:
    return "request_quarantined";
  case request_error::cancelled:
    return "cancelled";
  case request_error::response_not_found:
    return "response_not_found";
  case request_error::internal:
    return "internal";
  }
  return "unknown";
}

} // namespace troupe
