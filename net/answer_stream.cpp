#include "net/answer_stream.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

void answer_stream::on_accepted(const accepted_response& accepted) {
  if (!encoder_ || phase_ != phase::waiting)
    return;
  phase_ = phase::accepted;
  encoder_->accept(accepted);
  if (accepted.read_already) {
    phase_ = phase::ended;
    encoder_->close(frames_);
  }
  changed();
}

void answer_stream::on_rejected(const rejection& refused) {
  if (!encoder_ || phase_ != phase::waiting)
    return;
  phase_ = phase::rejected;
  rejection_ = refused;
  if (rejection_->param == "messages")
    rejection_->param = encoder_->prompt_field();
  changed();
}

void answer_stream::on_events(std::span<const response_event> events) {
  if (!encoder_ || phase_ != phase::accepted)
    return;
  if (bytes_ > 2 * bytes_max_)
    overflowed_ = true;
  for (const auto& event : events) {
    if (phase_ == phase::ended || overflowed_)
      break;
    if (event.kind == event_kind::failed)
      failed_ = event;
    delta_count_ += event.kind == event_kind::output_text_delta;
    note_passed(event);
    const size_t before = frames_.size();
    encoder_->encode(event, frames_);
    if (encoder_->ends_with(event))
      phase_ = phase::ended;
    for (size_t i = before; i < frames_.size(); ++i)
      bytes_ += frames_[i].size();
  }
  changed();
}

void answer_stream::on_taken_over() {
  if (!encoder_ || phase_ == phase::ended)
    return;
  phase_ = phase::taken_over;
  changed();
}

answer_stream::batch answer_stream::take() {
  batch taken{std::exchange(frames_, {}), std::exchange(passed_, {}), phase_ == phase::ended};
  bytes_ = 0;
  return taken;
}

void answer_stream::detach() {
  wake_ = nullptr;
  encoder_ = nullptr;
  frames_.clear();
}

void answer_stream::note_passed(const response_event& event) {
  const auto found = std::ranges::find(passed_, event.response_id, &acknowledge_events::response_id);
  if (found == passed_.end())
    passed_.push_back({event.response_id, event.sequence_number});
  else
    found->sequence_number = event.sequence_number;
}

void answer_stream::changed() const {
  if (wake_)
    wake_();
}

} // namespace troupe
