#include "net/request_parser_responses.hpp"

#include "net/request_fields.hpp"
#include "net/sampling_fields.hpp"

#include <fmt/format.h>
#include <limits>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr size_t response_id_bytes_max = 256;
constexpr int64_t output_tokens_min = 16;
constexpr const char* logprobs_name = "message.output_text.logprobs";
constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();

void read_text(field_reader& fields) {
  const auto value = fields.any("text");
  simdjson::dom::object object;
  if (!value)
    return;
  if (value->get(object) != SUCCESS)
    return fields.fail("text", "must be an object");
  field_reader reader(object, "text.");
  read_text_format(reader, "format");
  if (reader.word("verbosity", {"low", "medium", "high"}).value_or("medium") != "medium")
    reader.fail("verbosity", "other than medium is not in this release", request_error::not_supported);
  reader.refuse_unknown();
  if (reader.failed())
    fields.fail(reader.problem());
}

/// Encrypted reasoning may be asked for: there is no reasoning to include. True: log probabilities are
/// wanted.
bool read_include(field_reader& fields) {
  const auto value = fields.any("include");
  simdjson::dom::array names;
  bool logprobs = false;
  if (!value)
    return false;
  if (value->get(names) != SUCCESS) {
    fields.fail("include", "must be a list");
    return false;
  }
  for (const auto name : names) {
    std::string_view text;
    if (name.get(text) == SUCCESS && text == logprobs_name)
      logprobs = true;
    else if (name.get(text) != SUCCESS || text != "reasoning.encrypted_content")
      fields.fail("include",
                  fmt::format("of anything but {} and reasoning.encrypted_content is not in this release",
                              logprobs_name),
                  request_error::not_supported);
  }
  return logprobs;
}

void read_logprobs(field_reader& fields, responses_request& request) {
  const bool wanted = read_include(fields);
  const auto top = fields.integer("top_logprobs", 0, logprobs_max).value_or(0);
  if (top > 0 && !wanted)
    fields.fail("top_logprobs", fmt::format("needs include: [\"{}\"]", logprobs_name));
  if (wanted)
    request.generation.sampling.logprobs = static_cast<int32_t>(top);
  request.echo.top_logprobs = top;
}

void read_transport(field_reader& fields, responses_request& request, transport way) {
  if (way == transport::websocket) {
    request.stream = true;
    fields.word("type", {"response.create"});
    for (const char* name : {"stream", "stream_options", "background"})
      if (fields.any(name))
        fields.fail(name, "must not be given over a WebSocket");
    return;
  }
  request.stream = fields.boolean("stream").value_or(false);
  request.echo.background = fields.boolean("background").value_or(false);
  const auto options = fields.any("stream_options");
  if (options && !options->is_object())
    fields.fail("stream_options", "must be an object");
}

void read_echo(field_reader& fields, responses_request& request) {
  auto& echo = request.echo;
  if (const auto text = fields.string("instructions", text_bytes_max))
    echo.instructions = *text;
  if (const auto id = fields.string("previous_response_id", response_id_bytes_max))
    echo.previous_response_id = *id;
  echo.max_output_tokens = fields.integer("max_output_tokens", output_tokens_min, int32_max);
  if (echo.max_output_tokens)
    request.generation.max_tokens = static_cast<int32_t>(*echo.max_output_tokens);
  echo.max_tool_calls = fields.integer("max_tool_calls", 1, int32_max);
  echo.safety_identifier = read_short_text(fields, "safety_identifier");
  echo.prompt_cache_key = read_short_text(fields, "prompt_cache_key");
  echo.metadata = read_metadata(fields);
  echo.truncation = fields.word("truncation", {"auto", "disabled"}).value_or("disabled");
  echo.parallel_tool_calls = fields.boolean("parallel_tool_calls").value_or(true);
  echo.store = fields.boolean("store").value_or(true);
  if (echo.background && !echo.store)
    fields.fail("background", "needs store: true, or nobody could ask for the answer");
  // Read again as double: 0.7 goes back as 0.7, not as the nearest float.
  echo.temperature = fields.number("temperature", 0, 2).value_or(1);
  echo.top_p = fields.number("top_p", 0, 1).value_or(1);
  echo.presence_penalty = fields.number("presence_penalty", -2, 2).value_or(0);
  echo.frequency_penalty = fields.number("frequency_penalty", -2, 2).value_or(0);
}

void read_tool_choice(field_reader& fields, response_echo& echo) {
  const auto choice = fields.any("tool_choice");
  if (!choice)
    return;
  std::string_view word;
  if (choice->get(word) != SUCCESS || word == "required")
    return fields.fail("tool_choice", "other than auto and none is not in this release",
                       request_error::not_supported);
  echo.tool_choice = fields.word("tool_choice", {"auto", "none"}).value_or("auto");
}

} // namespace

std::string previous_response_id_of(simdjson::dom::object body) {
  std::string_view id;
  return body["previous_response_id"].get(id) == SUCCESS ? std::string(id) : std::string();
}

parsed<responses_request> parse_responses_request(simdjson::dom::object body, transport way) {
  field_reader fields(body);
  responses_request request;
  read_transport(fields, request, way);
  fields.unsupported({"tools", "conversation", "prompt", "reasoning", "context_management", "moderation",
                      "stream_id", "image", "background_options", "access_programs"});
  read_sampling(fields, request.generation);
  read_scheduling(fields, request.generation);
  read_echo(fields, request);
  read_tool_choice(fields, request.echo);
  read_text(fields);
  read_logprobs(fields, request);
  check_min_tokens(fields, request.generation, "max_output_tokens");
  fields.word("service_tier", {"auto", "default", "flex", "priority"});
  fields.string("user", 1024);
  fields.string("prompt_cache_retention", 64);
  fields.ignore({"prompt_cache_options"});
  request.input = read_input(fields, request.echo.previous_response_id.has_value());
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  return request;
}

} // namespace troupe
