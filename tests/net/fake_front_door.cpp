#include "tests/net/fake_front_door.hpp"

namespace troupe::test {

namespace {

response_event event(const std::string& id, int64_t sequence, event_kind kind, std::string text = {}) {
  response_event made;
  made.response_id = id;
  made.sequence_number = sequence;
  made.kind = kind;
  made.text = std::move(text);
  return made;
}

} // namespace

std::vector<response_event> events_of(const std::string& id, const std::vector<std::string>& deltas,
                                      event_kind terminal) {
  std::vector<response_event> events;
  int64_t next = 0;
  for (const auto kind : {event_kind::created, event_kind::in_progress, event_kind::output_item_added,
                          event_kind::content_part_added})
    events.push_back(event(id, next++, kind));
  std::string whole;
  for (const auto& delta : deltas) {
    whole += delta;
    events.push_back(event(id, next++, event_kind::output_text_delta, delta));
  }
  if (terminal != event_kind::failed)
    for (const auto kind :
         {event_kind::output_text_done, event_kind::content_part_done, event_kind::output_item_done})
      events.push_back(event(id, next++, kind, whole));
  if (terminal == event_kind::incomplete)
    events.back().cut = true;
  auto last = event(id, next++, terminal, whole);
  last.ended_at = 1'700'000'009;
  last.prompt_tokens = 7;
  last.cached_tokens = 3;
  last.output_tokens = static_cast<int32_t>(deltas.size()) + 1;
  last.error = request_error::engine_failed;
  last.error_message = "the engine could not finish it";
  events.push_back(last);
  return events;
}

std::function<void(fake_front_door&, const generation_request&)> answer_with(std::vector<std::string> deltas,
                                                                             event_kind terminal) {
  return [deltas = std::move(deltas), terminal](fake_front_door& door, const generation_request& request) {
    door.accept(request.response_id);
    door.send(request.response_id, events_of(request.response_id, deltas, terminal));
  };
}

} // namespace troupe::test
