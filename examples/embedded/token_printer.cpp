#include "token_printer.hpp"

#include <iostream>
#include <utility>

token_printer::token_printer(caf::actor_config& config, options how)
    : troupe::subscriber_actor::base(config), how_(std::move(how)) {}

token_printer::behavior_type token_printer::make_behavior() {
  request(how_.runtime, std::chrono::seconds(10), how_.request, troupe::subscriber_actor(this))
      .then(
          [this](const troupe::intake_reply& reply) {
            if (reply.rejected)
              finish({.complete = false, .text = {}, .problem = reply.rejected->message});
          },
          [this](const caf::error&) {
            finish({.complete = false, .text = {}, .problem = "the runtime does not answer"});
          });
  return {
      [this](const troupe::event_batch& batch) { take(batch); },
      [this](troupe::ledger_lost) {
        finish({.complete = false, .text = {}, .problem = "the runtime ended first"});
      },
  };
}

void token_printer::take(const troupe::event_batch& batch) {
  for (const auto& event : batch.events) {
    if (event.kind == troupe::event_kind::output_text_delta) {
      std::cout << event.text << std::flush;
      if (++pieces_ == 10 && how_.crash)
        send(how_.runtime, troupe::inject_fault{}); // a test's way to crash an executor
    }
    if (troupe::is_terminal(event.kind))
      return finish({.complete = event.kind != troupe::event_kind::failed,
                     .text = event.text,
                     .problem = event.error_message});
  }
  // Used: the runtime may send more. Without this it holds back what is over unsent_bytes_max.
  const auto& last = batch.events.back();
  send(how_.runtime, troupe::acknowledge_events{last.response_id, last.sequence_number});
}

void token_printer::finish(answer result) {
  std::cout << std::endl;
  if (auto done = std::exchange(how_.done, nullptr))
    done(std::move(result));
  quit();
}

void token_printer::on_exit() {
  how_ = {}; // handles in members keep cycles alive
}
