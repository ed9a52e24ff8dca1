#pragma once

#include "net/answer_terms.hpp"
#include "net/json_reader.hpp"

#include <string>
#include <variant>
#include <vector>

namespace troupe {

/// A text, or the tokens of one.
using completion_prompt = std::variant<std::string, std::vector<token_id>>;

/// A body of POST /v1/completions.
struct completion_request {
  generation_request generation; // without response_id and prompt
  std::vector<completion_prompt> prompts;
  answer_terms terms;       // for each prompt
  bool echo = false;        // the prompt stands before the answer
  bool prompt_only = false; // max_tokens: 0, with echo: the one token that is made is not shown
};

/// Errors: the first field that is wrong, unknown or not in this release, as the client shall read it.
parsed<completion_request> parse_completion_request(simdjson::dom::object);

} // namespace troupe
