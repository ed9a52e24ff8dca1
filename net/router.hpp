#pragma once

#include <string>
#include <string_view>

namespace troupe {

enum class endpoint {
  unknown,
  chat_completions,
  responses,
  models,
  model,
  live,
  ready,
  version,
  metrics,
  faults,
};

/// Where a request goes.
struct route {
  endpoint target = endpoint::unknown; // unknown: 404
  bool allowed = false;                // false with a known target: 405
  const char* methods = "";            // for Allow
  bool open = false;                   // needs no key
  std::string argument;                // the model's id of /v1/models/{id}, percent-decoded
};

/// target: the request line's, a query included (ignored).
route find_route(std::string_view method, std::string_view target);

} // namespace troupe
