#include "net/request_parser_chat.hpp"

#include "net/request_fields.hpp"
#include "net/sampling_fields.hpp"

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
    fields.fail(fmt::format("messages[{}]", index), "must be an object with a role and a content");
    return {};
  }
  field_reader reader(object, fmt::format("messages[{}].", index));
  const auto role = reader.string("role", 64);
  if (!reader.failed() && !role)
    reader.fail("role", "is missing: system, developer, user or assistant");
  if (role == "tool" || role == "function")
    reader.fail("role", "of a tool is not in this release", request_error::not_supported);
  else if (role && role != "system" && role != "developer" && role != "user" && role != "assistant")
    reader.fail("role", "must be one of: system, developer, user, assistant");
  reader.unsupported({"tool_calls", "function_call", "audio", "refusal", "tool_call_id"});
  reader.string("name", 256);
  reader.ignore({"annotations"});
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
    return fields.fail("messages", value ? "must be a list of messages" : "is missing: a list of messages");
  for (const auto element : messages) {
    auto message = read_message(fields, element, request.messages.size());
    if (!message)
      return;
    request.messages.push_back(std::move(*message));
  }
  if (request.messages.empty())
    fields.fail("messages", "must not be empty: send at least one message");
}

size_t text_bytes_of(const generation_request& request) {
  size_t bytes = 0;
  for (const auto& message : request.messages)
    bytes += message.content.size();
  return bytes;
}

/// Lists without "audio" ask for what we do anyway.
void read_modalities(field_reader& fields) {
  const auto value = fields.any("modalities");
  simdjson::dom::array names;
  if (!value)
    return;
  if (value->get(names) != SUCCESS)
    return fields.fail("modalities", "must be a list of words");
  for (const auto name : names) {
    std::string_view text;
    if (name.get(text) != SUCCESS)
      return fields.fail("modalities", "must be a list of words");
    if (text != "text")
      return fields.fail("modalities", "other than text are not in this release: leave them out",
                         request_error::not_supported);
  }
}

void read_tool_choice(field_reader& fields) {
  const auto choice = fields.any("tool_choice");
  std::string_view word;
  if (choice && (choice->is_object() || (choice->get(word) == SUCCESS && word == "required")))
    return fields.fail("tool_choice", "other than none and auto is not in this release",
                       request_error::not_supported);
  fields.word("tool_choice", {"none", "auto"});
}

/// What other servers use and we accept, so that the same client works here.
void read_without_effect(field_reader& fields) {
  read_metadata(fields);
  fields.string("user", 1024);
  fields.boolean("store");
  fields.boolean("parallel_tool_calls");
  fields.word("service_tier", {"auto", "default", "flex", "scale", "priority"});
  if (fields.word("verbosity", {"low", "medium", "high"}).value_or("medium") != "medium")
    fields.fail("verbosity", "other than medium is not in this release", request_error::not_supported);
  read_short_text(fields, "safety_identifier");
  read_short_text(fields, "prompt_cache_key");
  fields.string("prompt_cache_retention", 64);
  fields.ignore({"prompt_cache_options"});
}

void read_limits(field_reader& fields, generation_request& request) {
  const auto older = fields.integer("max_tokens", 1, int32_max);
  const auto newer = fields.integer("max_completion_tokens", 1, int32_max);
  if (older && newer && *older != *newer)
    fields.fail("max_tokens", "and max_completion_tokens differ: give one of them");
  if (const auto limit = newer ? newer : older)
    request.max_tokens = static_cast<int32_t>(*limit);
  check_min_tokens(fields, request, newer ? "max_completion_tokens" : "max_tokens");
}

void read_logprobs(field_reader& fields, generation_request& request) {
  const bool wanted = fields.boolean("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs", 0, logprobs_max).value_or(0);
  if (top > 0 && !wanted)
    fields.fail("top_logprobs", "needs logprobs: true");
  if (wanted)
    request.sampling.logprobs = static_cast<int32_t>(top);
}

} // namespace

parsed<chat_request> parse_chat_request(simdjson::dom::object body) {
  field_reader fields(body);
  chat_request request;
  read_sampling(fields, request.generation);
  read_scheduling(fields, request.generation);
  read_limits(fields, request.generation);
  request.terms = read_answer_terms(fields);
  read_logprobs(fields, request.generation);
  read_prompt_logprobs(fields, request.generation, request.terms.stream);
  read_text_format(fields, "response_format");
  read_modalities(fields);
  read_tool_choice(fields);
  fields.unsupported({"tools", "functions", "function_call", "audio", "prediction", "reasoning_effort",
                      "web_search_options", "moderation"});
  read_without_effect(fields);
  read_messages(fields, request.generation);
  check_copies(fields, "n", text_bytes_of(request.generation), request.terms.n);
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  return request;
}

} // namespace troupe
