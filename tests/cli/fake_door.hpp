#pragma once

#include "net/front_door.hpp"

#include <deque>
#include <string>
#include <vector>

namespace troupe {

/// Answers from a script, at once and on the caller's thread.
class fake_door final : public front_door {
public:
  struct script {
    std::vector<std::string> pieces;
    event_kind end = event_kind::completed; // created: never ends
    request_error error = request_error::internal;
    std::string problem; // with rejected or failed
    bool rejected = false;
    int32_t prompt_tokens = 10;
  };

  std::deque<script> scripts; // one a request
  std::vector<generation_request> requests;
  std::vector<std::string> cancelled;
  int64_t acknowledged = -1;
  int32_t context = 100;
  std::function<void()> before_answer = [] {};

  void submit(generation_request request, std::shared_ptr<stream_listener> listener) override {
    requests.push_back(request);
    before_answer();
    script plan = scripts.empty() ? script{} : scripts.front();
    if (!scripts.empty())
      scripts.pop_front();
    if (plan.rejected) {
      rejection refused;
      refused.code = plan.error;
      refused.message = plan.problem;
      listener->on_rejected(refused);
      return;
    }
    accepted_response accepted;
    accepted.response_id = request.response_id;
    accepted.prompt_tokens = plan.prompt_tokens;
    listener->on_accepted(accepted);
    std::vector<response_event> events;
    auto add = [&](event_kind kind, std::string text) {
      response_event event;
      event.response_id = request.response_id;
      event.sequence_number = static_cast<int64_t>(events.size());
      event.kind = kind;
      event.text = std::move(text);
      events.push_back(event);
    };
    add(event_kind::created, "");
    for (const std::string& piece : plan.pieces)
      add(event_kind::output_text_delta, piece);
    if (plan.end != event_kind::created) {
      add(plan.end, "");
      events.back().output_tokens = static_cast<int32_t>(plan.pieces.size());
      events.back().error = plan.error;
      events.back().error_message = plan.problem;
    }
    for (const response_event& event : events) // the smallest pieces in which they may come
      listener->on_events({&event, 1});
  }

  void acknowledge(std::string_view, int64_t sequence_number) override { acknowledged = sequence_number; }
  void stop(std::string_view) override {}
  void detach(std::string_view, std::shared_ptr<stream_listener>) override {}
  void attach(attach_reader, std::shared_ptr<stream_listener>) override {}
  void cancel(std::string_view id) override { cancelled.emplace_back(id); }
  node_status status() const override { return {}; }
  std::vector<served_model> models() const override {
    return {{.id = "fake", .created = 0, .max_model_len = context}};
  }
  void inject(const inject_fault&) override {}
};

} // namespace troupe
