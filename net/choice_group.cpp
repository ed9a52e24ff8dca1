#include "net/choice_group.hpp"

#include "net/server_context.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

choice_group::choice_group(server_context& context, std::vector<std::string> response_ids,
                           std::shared_ptr<stream_listener> reader)
    : context_(context), reader_(std::move(reader)) {
  for (auto& id : response_ids)
    choices_.push_back({std::move(id), {}, false});
}

void choice_group::on_accepted(const accepted_response& accepted) {
  auto* found = find(accepted.response_id);
  if (!reader_ || !found || found->acceptance)
    return;
  found->acceptance = accepted;
  if (++accepted_ < choices_.size())
    return;
  reader_->on_accepted(*choices_.front().acceptance);
  pass_on(std::exchange(early_, {}));
}

void choice_group::on_rejected(const rejection& refused) {
  if (!reader_)
    return;
  const auto reader = reader_;
  leave();
  reader->on_rejected(refused);
}

void choice_group::on_events(std::span<const response_event> events) {
  if (!reader_)
    return;
  if (accepted_ < choices_.size()) // bounded: nothing of it is acknowledged
    early_.insert(early_.end(), events.begin(), events.end());
  else
    pass_on(events);
}

void choice_group::pass_on(std::span<const response_event> events) {
  const auto reader = reader_;
  bool failed = false;
  for (const auto& event : events) {
    if (auto* found = is_terminal(event.kind) ? find(event.response_id) : nullptr)
      found->ended = true;
    failed = failed || event.kind == event_kind::failed;
  }
  if (failed)
    leave();
  if (!events.empty())
    reader->on_events(events);
}

void choice_group::leave() {
  reader_ = nullptr;
  early_.clear();
  for (auto& one : choices_) {
    if (!one.ended && context_.door)
      context_.door->cancel(one.response_id);
    one.ended = true;
  }
}

choice_group::choice* choice_group::find(std::string_view response_id) {
  const auto found = std::ranges::find(choices_, response_id, &choice::response_id);
  return found == choices_.end() ? nullptr : &*found;
}

} // namespace troupe
