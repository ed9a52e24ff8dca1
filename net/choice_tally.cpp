#include "net/choice_tally.hpp"

#include "base/check.hpp"
#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"

#include <algorithm>

namespace troupe {

void write_usage(json_writer& json, const token_usage& usage) {
  json.key("usage").begin_object();
  json.field("prompt_tokens", usage.prompt).field("completion_tokens", usage.output);
  json.field("total_tokens", usage.prompt + usage.output);
  json.key("prompt_tokens_details").begin_object();
  json.field("cached_tokens", usage.cached).end_object();
  json.key("completion_tokens_details").begin_object();
  json.field("reasoning_tokens", 0).end_object();
  json.end_object();
}

const char* finish_word(const response_event& terminal) {
  return terminal.kind == event_kind::incomplete ? "length" : "stop";
}

void write_stop_reason(json_writer& json, const response_event& terminal) {
  json.key("stop_reason");
  if (const auto* text = std::get_if<std::string>(&terminal.stopped_by))
    json.string(*text);
  else if (const auto* token = std::get_if<token_id>(&terminal.stopped_by))
    json.integer(*token);
  else
    json.null();
}

choice_tally::choice_tally(const std::vector<std::string>& response_ids, size_t per_prompt)
    : choices_(response_ids.size()), per_prompt_(per_prompt) {
  for (size_t i = 0; i < choices_.size(); ++i)
    choices_[i].response_id = response_ids[i];
}

size_t choice_tally::take(const response_event& event) {
  const auto found = std::ranges::find(choices_, event.response_id, &choice::response_id);
  TROUPE_CHECK(found != choices_.end(), "an event of a response that is no choice of this request");
  if (event.kind == event_kind::output_item_added)
    found->prompt = event.logprobs;
  if (is_terminal(event.kind) && !found->terminal) {
    found->terminal = event;
    ++ended_;
  }
  failed_ = failed_ || event.kind == event_kind::failed;
  return static_cast<size_t>(found - choices_.begin());
}

std::span<const token_logprobs> choice_tally::new_tokens(size_t index, const response_event& event) {
  auto tokens = tokens_of(event);
  auto& sent = choices_[index].tokens_sent;
  if (is_terminal(event.kind)) // all of the answer's
    tokens = tokens.subspan(std::min(sent, tokens.size()));
  sent += tokens.size();
  return tokens;
}

token_usage choice_tally::usage() const {
  token_usage sum;
  for (size_t i = 0; i < choices_.size(); ++i) {
    const auto& terminal = *choices_[i].terminal;
    sum.output += terminal.output_tokens;
    if (i % per_prompt_ > 0)
      continue;
    sum.prompt += terminal.prompt_tokens;
    sum.cached += terminal.cached_tokens;
  }
  return sum;
}

} // namespace troupe
