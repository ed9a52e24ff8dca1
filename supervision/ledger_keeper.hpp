#pragma once

#include "actors/interfaces.hpp"
#include "observe/metrics.hpp"
#include "supervision/ledger.hpp"

#include <caf/typed_response_promise.hpp>

#include <unordered_map>
#include <variant>

namespace troupe {

/// The ledger as an actor: sends what each event returns.
class ledger_keeper final : public ledger_actor::base {
public:
  /// clock and metrics must outlive the actor.
  ledger_keeper(caf::actor_config& config, ledger_limits limits, make_text_decoder decoder,
                const time_source& clock, metrics& metrics, token_bytes_of bytes = {});

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  caf::typed_response_promise<intake_reply> answer(std::variant<accepted_response, rejection> outcome,
                                                   ledger_effects effects);
  subscriber_key key_of(const subscriber_actor& subscriber);
  void act(ledger_effects effects);
  void note_end(const ended_response& ended);
  void send_events(std::vector<addressed_event> events);

  ledger ledger_;
  metrics& metrics_;
  engine_actor engine_;
  std::unordered_map<subscriber_key, subscriber_actor> subscribers_; // a handful: doors, not responses
  subscriber_key next_key_ = 1;
};

} // namespace troupe
