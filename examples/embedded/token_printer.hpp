#pragma once

#include "actors/interfaces.hpp"

#include <functional>
#include <string>

/// What became of an answer.
struct answer {
  bool complete = false;
  std::string text;    // the whole of it
  std::string problem; // else, a sentence
};

/// The host's side of one answer: asks the runtime, writes each piece of text to standard output as it comes,
/// and ends with the answer.
class token_printer final : public troupe::subscriber_actor::base {
public:
  struct options {
    troupe::front_actor runtime;
    troupe::generation_request request;
    bool crash = false; // the engine, in the middle
    std::function<void(answer)> done;
  };

  token_printer(caf::actor_config& config, options how);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void take(const troupe::event_batch& batch);
  void finish(answer result);

  options how_;
  int pieces_ = 0;
};
