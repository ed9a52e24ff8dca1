#include "net/stream_registry.hpp"

#include <utility>

namespace troupe {

bool stream_registry::add(const std::string& response_id, listener_pointer listener) {
  return streams_.try_emplace(response_id, stream{std::move(listener), 0, false}).second;
}

stream_registry::listener_pointer stream_registry::accept(const std::string& response_id) {
  auto found = streams_.find(response_id);
  if (found == streams_.end())
    return nullptr;
  found->second.accepted = true;
  return found->second.listener;
}

stream_registry::listener_pointer stream_registry::take_over(const std::string& response_id,
                                                             listener_pointer listener, int64_t next_number) {
  return std::exchange(streams_[response_id], stream{std::move(listener), next_number, true}).listener;
}

bool stream_registry::accepted(const std::string& response_id) const {
  auto found = streams_.find(response_id);
  return found != streams_.end() && found->second.accepted;
}

stream_registry::listener_pointer stream_registry::find(const std::string& response_id) const {
  auto found = streams_.find(response_id);
  return found == streams_.end() ? nullptr : found->second.listener;
}

std::vector<stream_registry::delivery> stream_registry::sort(event_batch batch,
                                                             std::vector<std::string>& orphans) {
  std::vector<delivery> out;
  std::unordered_map<std::string, size_t> places;
  for (auto& event : batch.events) {
    auto found = streams_.find(event.response_id);
    if (found == streams_.end()) {
      if (event.kind == event_kind::created)
        orphans.push_back(event.response_id);
      continue;
    }
    const auto place = places.try_emplace(event.response_id, out.size()).first->second;
    if (place == out.size())
      out.push_back({found->second.listener, {}});
    found->second.next_number = event.sequence_number + 1;
    if (is_terminal(event.kind))
      streams_.erase(found);
    out[place].events.push_back(std::move(event));
  }
  return out;
}

std::vector<stream_registry::delivery> stream_registry::fail_all(request_error code,
                                                                 const std::string& message) {
  std::vector<delivery> out;
  for (auto& [id, each] : streams_) {
    if (!each.accepted)
      continue;
    response_event event;
    event.response_id = id;
    event.sequence_number = each.next_number;
    event.kind = event_kind::failed;
    event.error = code;
    event.error_message = message;
    out.push_back({std::move(each.listener), {std::move(event)}});
  }
  std::erase_if(streams_, [](const auto& each) { return each.second.accepted; });
  return out;
}

} // namespace troupe
