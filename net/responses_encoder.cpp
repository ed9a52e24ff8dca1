#include "net/responses_encoder.hpp"

#include "net/sse.hpp"

namespace troupe {

void responses_encoder::encode(const response_event& event, std::vector<std::string>& frames) {
  if (shape_ == form::body) {
    if (is_terminal(event.kind))
      frames.push_back(json_.object(event, clock_.unix_seconds()));
    return;
  }
  if (event.kind == event_kind::output_item_done) {
    item_done_ = event;
    return;
  }
  if (item_done_) {
    write(*item_done_, event.kind == event_kind::incomplete, frames);
    item_done_.reset();
  }
  write(event, false, frames);
  if (is_terminal(event.kind) && shape_ == form::sse)
    frames.emplace_back(sse_done);
}

void responses_encoder::write(const response_event& event, bool item_incomplete,
                              std::vector<std::string>& frames) const {
  auto text = json_.event(event, item_incomplete, clock_.unix_seconds());
  frames.push_back(shape_ == form::sse ? sse_event(event_name(event.kind), text) : std::move(text));
}

} // namespace troupe
