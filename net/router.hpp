#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

enum class endpoint {
  unknown,
  chat_completions,
  completions,
  responses,
  response,        // one that exists
  response_cancel, // …/cancel
  response_input,  // …/input_items
  models,
  model,
  live,
  ready,
  version,
  metrics,
  faults,
  admin_models,
  admin_model, // one that is served
};

/// Where a request goes.
struct route {
  endpoint target = endpoint::unknown; // unknown: 404
  bool allowed = false;                // false with a known target: 405
  const char* methods = "";            // for Allow
  bool open = false;                   // needs no key
  bool admin = false;                  // needs an administrator's key
  std::string argument;                // the id of /v1/models/{id} or /v1/responses/{id}…, percent-decoded
};

/// target: the request line's, a query included (ignored).
route find_route(std::string_view method, std::string_view target);

/// The value of a parameter in the target's query, percent-decoded; nothing if it is not there. The first
/// one, if there are several.
std::optional<std::string> query_value(std::string_view target, std::string_view name);

} // namespace troupe
