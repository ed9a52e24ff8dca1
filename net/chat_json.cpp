#include "net/chat_json.hpp"

#include "net/json_writer.hpp"

namespace troupe {

namespace {

const char* finish_word(const response_event& terminal) {
  return terminal.kind == event_kind::incomplete ? "length" : "stop";
}

void write_usage(json_writer& json, const response_event& event) {
  json.key("usage").begin_object();
  json.field("prompt_tokens", event.prompt_tokens).field("completion_tokens", event.output_tokens);
  json.field("total_tokens", int64_t{event.prompt_tokens} + event.output_tokens);
  json.key("prompt_tokens_details").begin_object();
  json.field("cached_tokens", event.cached_tokens).end_object();
  json.key("completion_tokens_details").begin_object();
  json.field("reasoning_tokens", 0).end_object();
  json.end_object();
}

} // namespace

void chat_json::accept(const accepted_response& accepted) {
  const auto& id = accepted.response_id;
  id_ = "chatcmpl-" + (id.starts_with("resp_") ? id.substr(5) : id);
  model_ = accepted.model;
  created_ = accepted.created_at;
}

std::string chat_json::chunk(delta what, const std::string& text, const char* finish) const {
  std::string out;
  out.reserve(256 + text.size());
  json_writer json(out);
  json.begin_object().field("id", id_).field("object", "chat.completion.chunk");
  json.field("created", created_).field("model", model_);
  json.key("choices").begin_array().begin_object().field("index", 0).key("delta").begin_object();
  if (what == delta::role)
    json.field("role", "assistant").field("content", "");
  else if (what == delta::content)
    json.field("content", text);
  json.end_object().field("logprobs", nullptr).key("finish_reason");
  if (finish)
    json.string(finish);
  else
    json.null();
  json.end_object().end_array();
  if (include_usage_)
    json.field("usage", nullptr);
  json.end_object();
  return out;
}

std::string chat_json::role_chunk() const {
  return chunk(delta::role, {}, nullptr);
}

std::string chat_json::delta_chunk(const std::string& text) const {
  return chunk(delta::content, text, nullptr);
}

std::string chat_json::finish_chunk(const response_event& terminal) const {
  return chunk(delta::none, {}, finish_word(terminal));
}

std::string chat_json::usage_chunk(const response_event& terminal) const {
  std::string out;
  json_writer json(out);
  json.begin_object().field("id", id_).field("object", "chat.completion.chunk");
  json.field("created", created_).field("model", model_);
  json.key("choices").begin_array().end_array();
  write_usage(json, terminal);
  json.end_object();
  return out;
}

std::string chat_json::completion(const response_event& terminal) const {
  std::string out;
  json_writer json(out);
  json.begin_object().field("id", id_).field("object", "chat.completion");
  json.field("created", created_).field("model", model_);
  json.key("choices").begin_array().begin_object().field("index", 0).key("message").begin_object();
  json.field("role", "assistant").field("content", terminal.text).field("refusal", nullptr);
  json.key("annotations").begin_array().end_array().end_object();
  json.field("logprobs", nullptr).field("finish_reason", finish_word(terminal));
  json.end_object().end_array();
  write_usage(json, terminal);
  json.end_object();
  return out;
}

} // namespace troupe
