#include "net/chat_encoder.hpp"

#include "net/api_error.hpp"
#include "net/sse.hpp"

namespace troupe {

void chat_encoder::accept(const accepted_response& accepted) {
  json_.accept(accepted);
  prompt_tokens_ = accepted.prompt_tokens;
}

void chat_encoder::encode(const response_event& event, std::vector<std::string>& frames) {
  const auto index = tally_.take(event);
  if (form_.stream)
    return encode_chunks(event, index, frames);
  if (tally_.over() && event.kind != event_kind::failed)
    frames.push_back(json_.completion(tally_));
}

void chat_encoder::encode_chunks(const response_event& event, size_t index,
                                 std::vector<std::string>& frames) {
  if (event.kind == event_kind::failed) { // no [DONE]: the stream did not end well
    frames.push_back(sse_event(error_body(to_api_error(event))));
    return;
  }
  chat_json::piece piece{.index = index, .usage = {prompt_tokens_, 0, event.output_tokens}};
  if (event.kind == event_kind::created)
    piece.role = true;
  else if (event.kind == event_kind::output_text_delta)
    piece.content = &event.text;
  else if (is_terminal(event.kind))
    piece.terminal = &event;
  else
    return;
  if (!piece.role)
    piece.tokens = tally_.new_tokens(index, event);
  frames.push_back(sse_event(json_.chunk(piece)));
  if (!tally_.over())
    return;
  if (form_.include_usage)
    frames.push_back(sse_event(json_.usage_chunk(tally_.usage())));
  frames.emplace_back(sse_done);
}

} // namespace troupe
