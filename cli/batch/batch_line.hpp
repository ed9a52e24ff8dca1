#pragma once

#include <cstdint>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace troupe {

/// One request of a batch, in OpenAI's batch format.
struct batch_line {
  std::string custom_id;
  std::string url;  // "/v1/chat/completions", as it stands there
  std::string body; // a JSON object
};

/// Why a line is no request. The run goes on; the line gets this as its result.
struct batch_problem {
  std::string code; // "invalid_json", "invalid_line", "invalid_method"
  std::string message;
  std::string custom_id; // empty: it has none that can be read
};

/// Bytes of a custom_id at most.
inline constexpr size_t custom_id_bytes_max = 512;

/// {"custom_id": …, "method": "POST", "url": …, "body": {…}}. The parser is only lent.
tl::expected<batch_line, batch_problem> parse_batch_line(simdjson::dom::parser&, std::string_view text);

} // namespace troupe
