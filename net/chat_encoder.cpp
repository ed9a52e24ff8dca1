#include "net/chat_encoder.hpp"

#include "net/api_error.hpp"
#include "net/sse.hpp"

namespace troupe {

void chat_encoder::encode(const response_event& event, std::vector<std::string>& frames) {
  if (!stream_) {
    if (is_terminal(event.kind))
      frames.push_back(json_.completion(event));
    return;
  }
  if (event.kind == event_kind::created)
    frames.push_back(sse_event(json_.role_chunk()));
  else if (event.kind == event_kind::output_text_delta)
    frames.push_back(sse_event(json_.delta_chunk(event.text)));
  else if (is_terminal(event.kind))
    end_stream(event, frames);
}

void chat_encoder::end_stream(const response_event& event, std::vector<std::string>& frames) const {
  if (event.kind == event_kind::failed) { // no [DONE]: the stream did not end well
    frames.push_back(sse_event(error_body(to_api_error(event))));
    return;
  }
  frames.push_back(sse_event(json_.finish_chunk(event)));
  if (include_usage_)
    frames.push_back(sse_event(json_.usage_chunk(event)));
  frames.emplace_back(sse_done);
}

} // namespace troupe
