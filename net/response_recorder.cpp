#include "net/response_recorder.hpp"

#include "net/server_context.hpp"

#include <utility>

namespace troupe {

namespace {

response_record::phase phase_of(const response_event& terminal) {
  if (terminal.kind == event_kind::completed)
    return response_record::phase::completed;
  if (terminal.kind == event_kind::incomplete)
    return response_record::phase::incomplete;
  return terminal.error == request_error::cancelled ? response_record::phase::cancelled
                                                    : response_record::phase::failed;
}

} // namespace

response_recorder::response_recorder(server_context& context, std::shared_ptr<response_record> record,
                                     response_json json, keeping where,
                                     std::shared_ptr<stream_listener> reader)
    : context_(context), record_(std::move(record)), json_(std::move(json)), where_(where),
      reader_(std::move(reader)) {}

void response_recorder::on_accepted(const accepted_response& accepted) {
  if (abandoned_)
    return;
  accepted_ = true;
  json_.accept(accepted);
  if (record_->object.empty() && !record_->ended()) {
    response_event begun;
    begun.kind = event_kind::in_progress;
    record_->object = json_.object(begun);
  }
  if (where_ == keeping::stored)
    context_.store.add(record_);
  if (reader_)
    reader_->on_accepted(accepted);
}

void response_recorder::on_rejected(const rejection& refused) {
  if (reader_)
    reader_->on_rejected(refused);
}

void response_recorder::on_events(std::span<const response_event> events) {
  if (abandoned_ || events.empty())
    return;
  last_sequence_ = events.back().sequence_number;
  if (is_terminal(events.back().kind))
    end(events.back());
  if (reader_)
    reader_->on_events(events);
  else if (context_.door)
    context_.door->acknowledge(record_->id, last_sequence_);
}

void response_recorder::on_taken_over() {
  if (reader_)
    reader_->on_taken_over();
}

void response_recorder::release_reader() {
  reader_ = nullptr;
  if (context_.door && last_sequence_ >= 0)
    context_.door->acknowledge(record_->id, last_sequence_);
}

void response_recorder::abandon() {
  reader_ = nullptr;
  abandoned_ = true;
}

void response_recorder::end(const response_event& terminal) {
  if (record_->ended())
    return;
  record_->state = phase_of(terminal);
  if (!record_->erased) {
    record_->object = json_.stored_object(terminal);
    record_->output = terminal.text;
    if (record_->can_be_continued())
      record_->conversation.push_back({"assistant", terminal.text});
    context_.store.changed(*record_);
  }
  for (const auto& wake : std::exchange(record_->waiting, {}))
    wake();
}

} // namespace troupe
