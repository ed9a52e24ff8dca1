#pragma once

#include "actors/interfaces.hpp"

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// What a host's actor got for one request.
struct host_answer {
  std::vector<response_event> events;
  std::optional<rejection> refused;
  bool lost = false; // the runtime went away first
};

/// An actor as a host may write it: asks, acknowledges what it gets, and ends with the answer.
class host_reader final : public subscriber_actor::base {
public:
  using on_event = std::function<void(host_reader&, const response_event&)>;

  host_reader(caf::actor_config& config, front_actor front, generation_request question,
              std::promise<host_answer> answered, on_event notice)
      : subscriber_actor::base(config), front_(std::move(front)), question_(std::move(question)),
        done_(std::move(answered)), notice_(std::move(notice)) {}

  behavior_type make_behavior() override {
    request(front_, std::chrono::seconds(10), question_, subscriber_actor(this))
        .then(
            [this](intake_reply& reply) {
              if (reply.rejected) {
                answer_.refused = std::move(reply.rejected);
                finish();
              }
            },
            [this](caf::error&) { lose(); });
    return {[this](event_batch& batch) { take(batch); }, [this](ledger_lost) { lose(); }};
  }

  void on_exit() override { front_ = nullptr; }

  const front_actor& runtime() const { return front_; }

private:
  void take(event_batch& batch) {
    const auto& last = batch.events.back();
    send(front_, acknowledge_events{last.response_id, last.sequence_number});
    for (auto& event : batch.events) {
      answer_.events.push_back(event);
      if (notice_)
        notice_(*this, event);
      if (is_terminal(event.kind))
        return finish();
    }
  }

  void lose() {
    answer_.lost = true;
    finish();
  }

  void finish() {
    if (!finished_)
      done_.set_value(std::move(answer_));
    finished_ = true;
    quit();
  }

  front_actor front_;
  generation_request question_;
  std::promise<host_answer> done_;
  on_event notice_;
  host_answer answer_;
  bool finished_ = false;
};

} // namespace troupe
