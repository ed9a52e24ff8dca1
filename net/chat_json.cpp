#include "net/chat_json.hpp"

#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"

namespace troupe {

namespace {

constexpr const char* chunk_object = "chat.completion.chunk";

void write_content_logprobs(json_writer& json, std::span<const token_logprobs> tokens) {
  json.key("logprobs").begin_object().key("content");
  write_logprobs(json, tokens);
  json.field("refusal", nullptr).end_object();
}

} // namespace

chat_json::chat_json(chat_form form, std::string_view response_id)
    : form_(form), head_("chatcmpl-", response_id) {}

std::string chat_json::chunk(const piece& one) const {
  std::string out;
  out.reserve(256 + (one.content ? one.content->size() : 0));
  json_writer json(out);
  json.begin_object();
  head_.write(json, chunk_object);
  json.key("choices").begin_array().begin_object().field("index", static_cast<int64_t>(one.index));
  json.key("delta").begin_object();
  if (one.role)
    json.field("role", "assistant").field("content", "");
  else if (one.content)
    json.field("content", *one.content);
  json.end_object();
  if (one.tokens.empty())
    json.field("logprobs", nullptr);
  else
    write_content_logprobs(json, one.tokens);
  if (one.terminal) {
    json.field("finish_reason", finish_word(*one.terminal));
    write_stop_reason(json, *one.terminal);
  } else {
    json.field("finish_reason", nullptr);
  }
  json.end_object().end_array();
  if (form_.continuous_usage)
    write_usage(json, one.usage);
  else if (form_.include_usage)
    json.field("usage", nullptr);
  json.end_object();
  return out;
}

std::string chat_json::usage_chunk(const token_usage& usage) const {
  return head_.usage_chunk(chunk_object, usage);
}

void chat_json::write_message(json_writer& json, size_t index, const response_event& terminal) const {
  json.begin_object().field("index", static_cast<int64_t>(index)).key("message").begin_object();
  json.field("role", "assistant").field("content", terminal.text).field("refusal", nullptr);
  json.key("annotations").begin_array().end_array().end_object();
  if (form_.logprobs)
    write_content_logprobs(json, tokens_of(terminal));
  else
    json.field("logprobs", nullptr);
  json.field("finish_reason", finish_word(terminal));
  write_stop_reason(json, terminal);
  json.end_object();
}

std::string chat_json::completion(const choice_tally& tally) const {
  std::string out;
  json_writer json(out);
  json.begin_object();
  head_.write(json, "chat.completion");
  json.key("choices").begin_array();
  for (size_t i = 0; i < tally.size(); ++i)
    write_message(json, i, *tally[i].terminal);
  json.end_array();
  write_usage(json, tally.usage());
  if (form_.prompt_logprobs && tally[0].prompt) {
    json.key("prompt_logprobs");
    write_prompt_logprobs(json, *tally[0].prompt, *form_.prompt_logprobs);
  }
  json.end_object();
  return out;
}

} // namespace troupe
