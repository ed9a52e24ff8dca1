#include "net/responses_encoder.hpp"

#include "net/sse.hpp"

namespace troupe {

void responses_encoder::encode(const response_event& event, std::vector<std::string>& frames) {
  if (shape_ == form::body) {
    if (is_terminal(event.kind))
      frames.push_back(json_.object(event));
    return;
  }
  auto text = json_.event(event);
  frames.push_back(shape_ == form::sse ? sse_event(event_name(event.kind), text) : std::move(text));
  if (is_terminal(event.kind))
    close(frames);
}

void responses_encoder::close(std::vector<std::string>& frames) {
  if (shape_ == form::sse)
    frames.emplace_back(sse_done);
}

} // namespace troupe
