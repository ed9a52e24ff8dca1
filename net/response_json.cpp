#include "net/response_json.hpp"

#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"

#include <algorithm>

namespace troupe {

namespace {

void write_part(json_writer& json, const response_event& event) {
  json.begin_object().field("type", "output_text").field("text", event.text);
  json.key("annotations").begin_array().end_array();
  json.key("logprobs");
  write_logprobs(json, tokens_of(event));
  json.end_object();
}

void write_usage(json_writer& json, const response_event& event) {
  json.key("usage").begin_object();
  json.field("input_tokens", event.prompt_tokens);
  json.key("input_tokens_details").begin_object();
  json.field("cached_tokens", event.cached_tokens).end_object();
  json.field("output_tokens", event.output_tokens);
  json.key("output_tokens_details").begin_object();
  json.field("reasoning_tokens", 0).end_object();
  json.field("total_tokens", int64_t{event.prompt_tokens} + event.output_tokens);
  json.end_object();
}

std::string_view response_status(event_kind kind) {
  switch (kind) {
  case event_kind::completed:
    return "completed";
  case event_kind::incomplete:
    return "incomplete";
  case event_kind::failed:
    return "failed";
  default:
    return "in_progress";
  }
}

/// What the response object says of the request, without the braces.
std::string request_fields_of(const response_echo& echo) {
  std::string text;
  json_writer json(text);
  json.begin_object();
  json.field("previous_response_id", echo.previous_response_id).field("instructions", echo.instructions);
  json.field("max_output_tokens", echo.max_output_tokens).field("max_tool_calls", echo.max_tool_calls);
  json.key("tools").begin_array().end_array();
  json.field("tool_choice", echo.tool_choice).field("parallel_tool_calls", echo.parallel_tool_calls);
  json.key("text")
      .begin_object()
      .key("format")
      .begin_object()
      .field("type", "text")
      .end_object()
      .end_object();
  json.field("truncation", echo.truncation);
  json.field("temperature", echo.temperature).field("top_p", echo.top_p);
  json.field("presence_penalty", echo.presence_penalty).field("frequency_penalty", echo.frequency_penalty);
  json.field("top_logprobs", echo.top_logprobs).field("reasoning", nullptr);
  json.field("store", echo.store).field("background", echo.background).field("service_tier", "default");
  json.key("metadata").begin_object();
  for (const auto& [key, value] : echo.metadata)
    json.field(key, value);
  json.end_object();
  json.field("safety_identifier", echo.safety_identifier).field("prompt_cache_key", echo.prompt_cache_key);
  json.end_object();
  return text.substr(1, text.size() - 2);
}

} // namespace

std::string_view event_name(event_kind kind) {
  switch (kind) {
  case event_kind::created:
    return "response.created";
  case event_kind::in_progress:
    return "response.in_progress";
  case event_kind::output_item_added:
    return "response.output_item.added";
  case event_kind::content_part_added:
    return "response.content_part.added";
  case event_kind::output_text_delta:
    return "response.output_text.delta";
  case event_kind::output_text_done:
    return "response.output_text.done";
  case event_kind::content_part_done:
    return "response.content_part.done";
  case event_kind::output_item_done:
    return "response.output_item.done";
  case event_kind::completed:
    return "response.completed";
  case event_kind::incomplete:
    return "response.incomplete";
  case event_kind::failed:
    break;
  }
  return "response.failed";
}

response_json::response_json(const response_echo& echo, std::string stream_token)
    : request_fields_(request_fields_of(echo)), stream_token_(std::move(stream_token)) {}

void response_json::accept(const accepted_response& accepted) {
  accepted_ = accepted;
  if (const auto end = accepted.door_state.find('\n'); end != std::string::npos) {
    stream_token_ = accepted.door_state.substr(0, end);
    request_fields_ = accepted.door_state.substr(end + 1);
  }
  accepted_.door_state.clear();
  const auto& id = accepted.response_id;
  item_id_ = "msg_" + (id.starts_with("resp_") ? id.substr(5) : id);
}

std::string response_json::event(const response_event& event) const {
  std::string text;
  text.reserve(256 + event.text.size());
  json_writer json(text);
  json.begin_object().field("type", event_name(event.kind)).field("sequence_number", event.sequence_number);
  switch (event.kind) {
  case event_kind::output_item_added:
    json.field("output_index", 0).key("item");
    write_item(json, "in_progress", nullptr);
    break;
  case event_kind::output_item_done:
    json.field("output_index", 0).key("item");
    write_item(json, event.cut ? "incomplete" : "completed", &event);
    break;
  case event_kind::content_part_added:
  case event_kind::content_part_done:
    json.field("item_id", item_id_).field("output_index", 0).field("content_index", 0).key("part");
    write_part(json, event);
    break;
  case event_kind::output_text_delta:
  case event_kind::output_text_done:
    json.field("item_id", item_id_).field("output_index", 0).field("content_index", 0);
    json.field(event.kind == event_kind::output_text_delta ? "delta" : "text", event.text);
    json.key("logprobs");
    write_logprobs(json, tokens_of(event));
    break;
  default:
    json.key("response").raw(object(event));
  }
  json.end_object();
  return text;
}

std::string response_json::object(const response_event& event) const {
  return write_response(event, response_status(event.kind));
}

std::string response_json::stored_object(const response_event& event) const {
  const bool cancelled = event.kind == event_kind::failed && event.error == request_error::cancelled;
  return write_response(event, cancelled ? "cancelled" : response_status(event.kind));
}

std::string response_json::write_response(const response_event& event, std::string_view state) const {
  std::string text;
  json_writer json(text);
  json.begin_object();
  write_outcome(json, event, state);
  if (event.kind == event_kind::created && !stream_token_.empty())
    json.field("stream_token", stream_token_);
  json.end_object();
  text.back() = ',';
  return text + request_fields_ + '}';
}

void response_json::write_outcome(json_writer& json, const response_event& event,
                                  std::string_view state) const {
  json.field("id", accepted_.response_id).field("object", "response");
  json.field("created_at", accepted_.created_at).field("status", state);
  if (event.kind == event_kind::completed)
    json.field("completed_at", std::max(event.ended_at, accepted_.created_at));
  else
    json.field("completed_at", nullptr);
  if (event.kind == event_kind::failed) {
    json.key("error").begin_object().field("code", to_string(event.error));
    json.field("message", event.error_message).end_object();
  } else {
    json.field("error", nullptr);
  }
  if (event.kind == event_kind::incomplete)
    json.key("incomplete_details").begin_object().field("reason", "max_output_tokens").end_object();
  else
    json.field("incomplete_details", nullptr);
  json.field("model", accepted_.model);
  write_output(json, event);
  if (is_terminal(event.kind) && event.kind != event_kind::failed)
    write_usage(json, event);
  else
    json.field("usage", nullptr);
}

void response_json::write_output(json_writer& json, const response_event& event) const {
  json.key("output").begin_array();
  if (event.kind == event_kind::completed || event.kind == event_kind::incomplete)
    write_item(json, response_status(event.kind), &event);
  else if (event.kind == event_kind::failed && !event.text.empty())
    write_item(json, "incomplete", &event);
  json.end_array();
}

void response_json::write_item(json_writer& json, std::string_view state, const response_event* done) const {
  json.begin_object().field("id", item_id_).field("type", "message").field("status", state);
  json.field("role", "assistant").key("content").begin_array();
  if (done)
    write_part(json, *done);
  json.end_array().end_object();
}

} // namespace troupe
