#pragma once

#include "net/answer_terms.hpp"
#include "net/json_reader.hpp"

namespace troupe {

/// A body of POST /v1/chat/completions.
struct chat_request {
  generation_request generation; // without response_id
  answer_terms terms;
};

/// Errors: the first field that is wrong, unknown or not in this release, as the client shall read it.
parsed<chat_request> parse_chat_request(simdjson::dom::object);

} // namespace troupe
