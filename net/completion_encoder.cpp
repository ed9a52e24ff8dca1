#include "net/completion_encoder.hpp"

#include "net/api_error.hpp"
#include "net/logprobs_json.hpp"
#include "net/sse.hpp"

namespace troupe {

completion_encoder::completion_encoder(const completion_form& form,
                                       const std::vector<std::string>& response_ids)
    : form_(form), json_(form, response_ids.front()), tally_(response_ids, form.per_prompt),
      logprobs_(response_ids.size()) {}

void completion_encoder::encode(const response_event& event, std::vector<std::string>& frames) {
  const auto index = tally_.take(event);
  if (form_.stream)
    return encode_chunks(event, index, frames);
  if (tally_.over() && event.kind != event_kind::failed)
    frames.push_back(json_.completion(tally_));
}

void completion_encoder::encode_chunks(const response_event& event, size_t index,
                                       std::vector<std::string>& frames) {
  if (event.kind == event_kind::failed) { // no [DONE]: the stream did not end well
    frames.push_back(sse_event(error_body(to_api_error(event))));
    return;
  }
  completion_json::piece piece{.index = index};
  std::string text;
  if (event.kind == event_kind::output_item_added && form_.echo) {
    text = json_.prompt_text(index / tally_.per_prompt(), event.logprobs);
    piece.prompt = form_.logprobs ? tokens_of(event) : piece.prompt;
    logprobs_[index].begin(piece.prompt, text);
  } else if (event.kind == event_kind::output_text_delta && !form_.prompt_only) {
    text = event.text;
    piece.answer = tally_.new_tokens(index, event);
  } else if (is_terminal(event.kind)) {
    piece.terminal = &event;
    if (!form_.prompt_only)
      piece.answer = tally_.new_tokens(index, event);
  } else {
    return;
  }
  piece.text = text;
  piece.usage = {prompt_tokens_, 0, form_.prompt_only ? 0 : event.output_tokens};
  frames.push_back(sse_event(json_.chunk(piece, logprobs_[index])));
  if (!tally_.over())
    return;
  if (form_.include_usage) {
    auto usage = tally_.usage();
    usage.output = form_.prompt_only ? 0 : usage.output;
    frames.push_back(sse_event(json_.usage_chunk(usage)));
  }
  frames.emplace_back(sse_done);
}

} // namespace troupe
