#include "net/completion_json.hpp"

#include "base/utf8.hpp"
#include "net/best_choices.hpp"
#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"

namespace troupe {

namespace {

constexpr const char* object = "text_completion"; // chunks have the same

} // namespace

completion_json::completion_json(completion_form form, std::string_view response_id)
    : form_(std::move(form)), head_("cmpl-", response_id) {}

std::string completion_json::prompt_text(size_t prompt, const logprob_list& tokens) const {
  const auto& text = form_.prompts[prompt];
  if (!text.empty() || !tokens)
    return text;
  std::string bytes;
  for (const auto& one : *tokens)
    bytes += one.chosen.bytes;
  return shown_token(bytes);
}

void completion_json::write_choice(json_writer& json, const piece& one, completion_logprobs& logprobs) const {
  json.begin_object().field("text", one.text).field("index", static_cast<int64_t>(one.index));
  const bool tokens = !one.prompt.empty() || !one.answer.empty();
  if (form_.logprobs && (tokens || !form_.stream)) {
    json.key("logprobs");
    logprobs.write(json, one.prompt, one.answer, *form_.logprobs);
  } else {
    json.field("logprobs", nullptr);
  }
  if (one.terminal) {
    json.field("finish_reason", form_.prompt_only ? "length" : finish_word(*one.terminal));
    write_stop_reason(json, form_.prompt_only ? response_event() : *one.terminal);
  } else {
    json.field("finish_reason", nullptr);
  }
}

std::string completion_json::chunk(const piece& one, completion_logprobs& logprobs) const {
  std::string out;
  out.reserve(256 + one.text.size());
  json_writer json(out);
  json.begin_object();
  head_.write(json, object);
  json.key("choices").begin_array();
  write_choice(json, one, logprobs);
  json.end_object().end_array();
  if (form_.continuous_usage)
    write_usage(json, one.usage);
  else if (form_.include_usage)
    json.field("usage", nullptr);
  json.end_object();
  return out;
}

std::string completion_json::usage_chunk(const token_usage& usage) const {
  return head_.usage_chunk(object, usage);
}

void completion_json::write_whole(json_writer& json, const choice_tally& tally, size_t made,
                                  size_t index) const {
  const auto& choice = tally[made];
  completion_logprobs logprobs;
  piece whole{.index = index, .terminal = &*choice.terminal};
  std::string text;
  if (form_.echo) {
    text = prompt_text(made / tally.per_prompt(), choice.prompt);
    if (choice.prompt && form_.logprobs) {
      whole.prompt = *choice.prompt;
      logprobs.begin(whole.prompt, text);
    }
  }
  if (!form_.prompt_only) {
    text += choice.terminal->text;
    whole.answer = tokens_of(*choice.terminal);
  }
  whole.text = text;
  write_choice(json, whole, logprobs);
  if (form_.prompt_logprobs && choice.prompt) {
    json.key("prompt_logprobs");
    write_prompt_logprobs(json, *choice.prompt, *form_.prompt_logprobs);
  }
  json.end_object();
}

std::string completion_json::completion(const choice_tally& tally) const {
  std::string out;
  json_writer json(out);
  json.begin_object();
  head_.write(json, object);
  json.key("choices").begin_array();
  size_t index = 0;
  for (const auto made : best_choices(tally, form_.shown))
    write_whole(json, tally, made, index++);
  json.end_array();
  auto usage = tally.usage();
  if (form_.prompt_only)
    usage.output = 0;
  write_usage(json, usage);
  json.end_object();
  return out;
}

} // namespace troupe
