#pragma once

#include "net/input_parser.hpp"
#include "net/json_reader.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// What a response object says about its request: the values in force.
struct response_echo {
  std::optional<std::string> previous_response_id;
  std::optional<std::string> instructions;
  std::optional<int64_t> max_output_tokens;
  std::optional<int64_t> max_tool_calls;
  std::optional<std::string> safety_identifier;
  std::optional<std::string> prompt_cache_key;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string tool_choice = "auto";
  std::string truncation = "disabled";
  double temperature = 1;
  double top_p = 1;
  double presence_penalty = 0;
  double frequency_penalty = 0;
  int64_t top_logprobs = 0;
  bool parallel_tool_calls = true;
  bool store = true;
  bool background = false;
};

/// A body of POST /v1/responses, or a response.create message.
struct responses_request {
  generation_request generation; // without response_id and messages
  std::vector<input_item> input;
  response_echo echo;
  bool stream = false;
};

/// Over WebSocket, stream, stream_options and background must not be given (Open Responses, 2026-04-24).
enum class transport { http, websocket };

/// Errors: the first field that is wrong, unknown or not in this release, as the client shall read it.
/// Without instructions and without what it continues: response_opening.* puts the messages together.
parsed<responses_request> parse_responses_request(simdjson::dom::object, transport);

/// As it stands in a body that may be wrong otherwise; empty: it is not there.
std::string previous_response_id_of(simdjson::dom::object);

} // namespace troupe
