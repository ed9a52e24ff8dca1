#pragma once

#include "supervision/ledger.hpp"

#include <catch2/catch.hpp>

namespace troupe::test {

/// Token n is the letter 'a' + n; nothing is held back.
inline text_decoder letters() {
  return [](std::optional<token_id> token) {
    return token ? std::string(1, static_cast<char>('a' + *token)) : std::string{};
  };
}

/// A ledger, its clock, and all events it has sent, as a reader sees them.
struct ledger_world {
  manual_clock clock;
  ledger book;
  std::vector<response_event> events;
  std::vector<dispatch_sequence> dispatches;
  std::vector<cancel_sequence> cancels;
  rejection last_refusal;

  explicit ledger_world(ledger_limits limits = {}) : book(limits, letters, clock) {}

  ledger_effects note(ledger_effects effects) {
    for (auto& event : effects.events)
      events.push_back(event.event);
    dispatches.insert(dispatches.end(), effects.dispatches.begin(), effects.dispatches.end());
    cancels.insert(cancels.end(), effects.cancels.begin(), effects.cancels.end());
    return effects;
  }

  bool open(const std::string& id, subscriber_key reader = 1, resume_terms resume = {},
            const std::string& tenant = {}) {
    open_entry entry;
    entry.spec.tenant = tenant;
    entry.resume = std::move(resume);
    entry.response_id = id;
    entry.spec.prompt = {1, 2, 3};
    entry.spec.max_tokens = 100;
    entry.timeout_ms = 1000;
    ledger_effects effects;
    auto opened = book.open(std::move(entry), reader, effects);
    note(std::move(effects));
    if (const auto* refused = std::get_if<rejection>(&opened))
      last_refusal = *refused;
    return std::holds_alternative<accepted_response>(opened);
  }

  ledger_effects token(epoch_number epoch, sequence_id id, int32_t position,
                       finish_reason finish = finish_reason::none) {
    return note(book.step({.epoch = epoch,
                           .step = 1,
                           .tokens = {{id, position, position % 26, finish}},
                           .computed_tokens = 1,
                           .step_us = 1,
                           .idle_us = 0}));
  }

  std::string text() const {
    std::string out;
    for (const auto& event : events)
      if (event.kind == event_kind::output_text_delta)
        out += event.text;
    return out;
  }

  void check_numbers() const {
    for (size_t i = 0; i < events.size(); ++i)
      CHECK(events[i].sequence_number == static_cast<int64_t>(i));
  }
};

} // namespace troupe::test
