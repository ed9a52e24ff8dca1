#include "net/request_parser_chat.hpp"

#include "net/request_fields.hpp"

#include <fmt/format.h>
#include <limits>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();

std::optional<chat_message> read_message(field_reader& fields, const simdjson::dom::element& element,
                                         size_t index) {
  simdjson::dom::object object;
  if (element.get(object) != SUCCESS) {
    fields.fail(fmt::format("messages[{}]", index), "must be an object");
    return {};
  }
  field_reader reader(object, fmt::format("messages[{}].", index));
  const auto role = reader.string("role", 64);
  if (!reader.failed() && !role)
    reader.fail("role", "is missing");
  if (role == "tool" || role == "function")
    reader.fail("role", "of a tool is not in this release", request_error::not_supported);
  else if (role && role != "system" && role != "developer" && role != "user" && role != "assistant")
    reader.fail("role", "must be one of: system, developer, user, assistant");
  reader.unsupported({"tool_calls", "function_call", "audio", "refusal", "tool_call_id"});
  reader.ignore({"name", "annotations"});
  auto content = reader.failed() ? std::nullopt : read_content(reader, "content", {"text"});
  reader.refuse_unknown();
  if (!reader.failed())
    return chat_message{template_role(*role), std::move(*content)};
  fields.fail(reader.problem());
  return {};
}

void read_messages(field_reader& fields, generation_request& request) {
  const auto value = fields.any("messages");
  simdjson::dom::array messages;
  if (!value || value->get(messages) != SUCCESS)
    return fields.fail("messages", value ? "must be a list" : "is missing");
  for (const auto element : messages) {
    auto message = read_message(fields, element, request.messages.size());
    if (!message)
      return;
    request.messages.push_back(std::move(*message));
  }
  if (request.messages.empty())
    fields.fail("messages", "must not be empty");
}

void read_stream(field_reader& fields, chat_request& request) {
  request.stream = fields.boolean("stream").value_or(false);
  const auto value = fields.any("stream_options");
  simdjson::dom::object object;
  if (!value)
    return;
  if (!request.stream)
    return fields.fail("stream_options", "is only allowed with stream: true");
  if (value->get(object) != SUCCESS)
    return fields.fail("stream_options", "must be an object");
  field_reader options(object, "stream_options.");
  request.include_usage = options.boolean("include_usage").value_or(false);
  options.ignore({"include_obfuscation"});
  options.refuse_unknown();
  if (options.failed())
    fields.fail(options.problem());
}

/// {"type":"text"} is what we do anyway.
void read_response_format(field_reader& fields) {
  const auto value = fields.any("response_format");
  std::string_view type;
  if (value && ((*value)["type"].get(type) != SUCCESS || type != "text"))
    fields.fail("response_format", "other than text is not in this release", request_error::not_supported);
}

void read_limits(field_reader& fields, generation_request& request) {
  const auto older = fields.integer("max_tokens", 1, int32_max);
  const auto newer = fields.integer("max_completion_tokens", 1, int32_max);
  if (older && newer && *older != *newer)
    fields.fail("max_tokens", "and max_completion_tokens are both given and differ");
  if (const auto limit = newer ? newer : older)
    request.max_tokens = static_cast<int32_t>(*limit);
  const auto choices = fields.integer("n", 1, 128);
  if (choices && *choices != 1)
    fields.fail("n", "other than 1 is not in this release", request_error::not_supported);
}

} // namespace

parsed<chat_request> parse_chat_request(simdjson::dom::object body) {
  field_reader fields(body);
  chat_request request;
  read_sampling(fields, request.generation);
  read_limits(fields, request.generation);
  read_stream(fields, request);
  read_response_format(fields);
  if (const auto choice = fields.any("tool_choice"); choice && choice->is_object())
    fields.fail("tool_choice", "of one tool is not in this release", request_error::not_supported);
  fields.word("tool_choice", {"none", "auto"});
  fields.unsupported({"stop", "logprobs", "top_logprobs", "logit_bias", "tools", "functions", "function_call",
                      "audio", "prediction", "reasoning_effort", "web_search_options", "moderation"});
  read_metadata(fields);
  fields.string("user", 1024);
  fields.boolean("store");
  fields.ignore({"service_tier", "parallel_tool_calls", "modalities", "verbosity", "safety_identifier",
                 "prompt_cache_key", "prompt_cache_retention"});
  read_messages(fields, request.generation);
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  return request;
}

} // namespace troupe
