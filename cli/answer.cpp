#include "cli/answer.hpp"

#include "base/ids.hpp"
#include "cli/answer_inbox.hpp"
#include "cli/await.hpp"

#include <memory>

namespace troupe {

namespace {

/// True at the end of the answer.
bool apply(const response_event& event, const answer_options& options, answer& into) {
  switch (event.kind) {
  case event_kind::output_text_delta:
    if (!options.write(event.text)) {
      into.end = answer_end::output_closed;
      return true;
    }
    into.text += event.text;
    return false;
  case event_kind::completed:
  case event_kind::incomplete:
    into.end = event.kind == event_kind::completed ? answer_end::completed : answer_end::cut;
    into.output_tokens = event.output_tokens;
    return true;
  case event_kind::failed:
    into.end = answer_end::failed;
    into.error = event.error;
    into.problem = event.error_message;
    return true;
  default:
    return false;
  }
}

} // namespace

answer ask(front_door& door, generation_request request, const answer_options& options) {
  answer out;
  std::string id = make_id("resp_");
  request.response_id = id;
  auto stream = std::make_shared<answer_inbox>();
  door.submit(std::move(request), stream);
  for (;;) {
    int stop_fd = options.stop ? options.stop->fd() : -1;
    int ready = await_readable({stop_fd, stream->fd()});
    if (ready >= 0 && ready == stop_fd) {
      options.stop->take();
      door.cancel(id);
      out.end = answer_end::stopped;
      return out;
    }
    auto news = stream->take();
    if (news.accepted)
      out.accepted = *news.accepted;
    if (news.rejected) {
      out.end = answer_end::rejected;
      out.error = news.rejected->code;
      out.problem = news.rejected->message;
      return out;
    }
    for (const response_event& event : news.events) {
      if (!apply(event, options, out))
        continue;
      if (!is_terminal(event.kind))
        door.cancel(id);
      else
        door.acknowledge(id, event.sequence_number);
      return out;
    }
    if (!news.events.empty())
      door.acknowledge(id, news.events.back().sequence_number);
  }
}

} // namespace troupe
