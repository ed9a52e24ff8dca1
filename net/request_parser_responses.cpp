#include "net/request_parser_responses.hpp"

#include "net/request_fields.hpp"

#include <fmt/format.h>
#include <limits>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr size_t input_characters_max = 10'485'760; // of a string; point 10 of the specification
constexpr int64_t output_tokens_min = 16;
constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();

std::optional<chat_message> read_item(field_reader& fields, const simdjson::dom::element& element,
                                      size_t index) {
  simdjson::dom::object object;
  if (element.get(object) != SUCCESS) {
    fields.fail(fmt::format("input[{}]", index), "must be an object");
    return {};
  }
  field_reader reader(object, fmt::format("input[{}].", index));
  const auto type = reader.string("type", 64);
  const auto role = reader.string("role", 64);
  if (!reader.failed() && (type.value_or("message") != "message" || (!type && !role)))
    reader.fail("type", "must be message; other items are not in this release", request_error::not_supported);
  if (!reader.failed() && !role)
    reader.fail("role", "is missing");
  if (role && role != "system" && role != "developer" && role != "user" && role != "assistant")
    reader.fail("role", "must be one of: system, developer, user, assistant");
  reader.ignore({"id", "status", "phase"}); // of an output item that the client sends back
  std::optional<std::string> content;
  if (!reader.failed())
    content = role == "assistant" ? read_content(reader, "content", {"output_text"})
                                  : read_content(reader, "content", {"input_text"});
  reader.refuse_unknown();
  if (!reader.failed())
    return chat_message{template_role(*role), std::move(*content)};
  fields.fail(reader.problem());
  return {};
}

void read_input(field_reader& fields, generation_request& request) {
  const auto value = fields.any("input");
  if (!value)
    return fields.fail("input", "is missing: a string or a list of messages");
  std::string_view text;
  if (value->get(text) == SUCCESS) {
    if (text.size() > input_characters_max && character_count(text) > input_characters_max)
      return fields.fail("input", fmt::format("has more than {} characters", input_characters_max));
    request.messages.push_back({"user", std::string(text)});
    return;
  }
  simdjson::dom::array items;
  if (value->get(items) != SUCCESS)
    return fields.fail("input", "must be a string or a list of messages");
  size_t index = 0;
  for (const auto element : items) {
    auto message = read_item(fields, element, index++);
    if (!message)
      return;
    request.messages.push_back(std::move(*message));
  }
  if (index == 0)
    fields.fail("input", "must not be empty");
}

void read_text_format(field_reader& fields) {
  const auto value = fields.any("text");
  simdjson::dom::object object;
  if (!value)
    return;
  if (value->get(object) != SUCCESS)
    return fields.fail("text", "must be an object");
  field_reader reader(object, "text.");
  if (const auto format = reader.any("format")) {
    std::string_view type;
    if ((*format)["type"].get(type) != SUCCESS || type != "text")
      reader.fail("format", "other than text is not in this release", request_error::not_supported);
  }
  if (reader.word("verbosity", {"low", "medium", "high"}).value_or("medium") != "medium")
    reader.fail("verbosity", "other than medium is not in this release", request_error::not_supported);
  reader.refuse_unknown();
  if (reader.failed())
    fields.fail(reader.problem());
}

/// Encrypted reasoning may be asked for: there is no reasoning to include. Log probabilities may not.
void read_include(field_reader& fields) {
  const auto value = fields.any("include");
  simdjson::dom::array names;
  if (!value)
    return;
  if (value->get(names) != SUCCESS)
    return fields.fail("include", "must be a list");
  for (const auto name : names) {
    std::string_view text;
    if (name.get(text) != SUCCESS || text != "reasoning.encrypted_content")
      return fields.fail("include", "of anything but reasoning.encrypted_content is not in this release",
                         request_error::not_supported);
  }
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
  if (fields.boolean("background").value_or(false))
    fields.fail("background", "is not in this release", request_error::not_supported);
  const auto options = fields.any("stream_options");
  if (options && !options->is_object())
    fields.fail("stream_options", "must be an object");
}

std::optional<std::string> short_text(field_reader& fields, const char* name) {
  const auto text = fields.string(name, 256);
  if (!text)
    return {};
  if (character_count(*text) > 64)
    fields.fail(name, "has more than 64 characters");
  return std::string(*text);
}

void read_echo(field_reader& fields, responses_request& request) {
  auto& echo = request.echo;
  if (const auto text = fields.string("instructions", text_bytes_max)) {
    echo.instructions = *text;
    request.generation.messages.push_back({"system", std::string(*text)});
  }
  echo.max_output_tokens = fields.integer("max_output_tokens", output_tokens_min, int32_max);
  if (echo.max_output_tokens)
    request.generation.max_tokens = static_cast<int32_t>(*echo.max_output_tokens);
  echo.max_tool_calls = fields.integer("max_tool_calls", 1, int32_max);
  echo.safety_identifier = short_text(fields, "safety_identifier");
  echo.prompt_cache_key = short_text(fields, "prompt_cache_key");
  echo.metadata = read_metadata(fields);
  echo.truncation = fields.word("truncation", {"auto", "disabled"}).value_or("disabled");
  echo.parallel_tool_calls = fields.boolean("parallel_tool_calls").value_or(true);
  echo.store = fields.boolean("store").value_or(false);
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

parsed<responses_request> parse_responses_request(simdjson::dom::object body, transport way) {
  field_reader fields(body);
  responses_request request;
  read_transport(fields, request, way);
  fields.unsupported({"tools", "previous_response_id", "conversation", "prompt", "reasoning", "top_logprobs",
                      "context_management", "moderation", "stop", "stream_id"});
  read_sampling(fields, request.generation);
  read_echo(fields, request);
  read_tool_choice(fields, request.echo);
  read_text_format(fields);
  read_include(fields);
  fields.word("service_tier", {"auto", "default", "flex", "priority"});
  fields.string("user", 1024);
  fields.ignore({"prompt_cache_retention"});
  read_input(fields, request.generation);
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  return request;
}

} // namespace troupe
