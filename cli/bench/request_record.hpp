#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// One measured request.
struct request_record {
  steady_time arrived;                   // when it was due
  std::optional<steady_time> first_text; // first piece of the answer
  steady_time last_text;
  steady_time ended;
  std::vector<float> gaps_ms; // between pieces of the answer
  int64_t prompt_tokens = 0;  // as the server counted
  int64_t output_tokens = 0;
  std::string problem; // empty: it worked
  std::string kind;    // of the problem: "http_429", "connection", "server_error", "not_whole"

  int64_t pieces() const { return first_text ? static_cast<int64_t>(gaps_ms.size()) + 1 : 0; }
};

} // namespace troupe
