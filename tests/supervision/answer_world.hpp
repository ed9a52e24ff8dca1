#pragma once

#include "model/utf8_repair.hpp"
#include "supervision/ledger_entry.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace troupe::test {

/// Token n stands for the nth of these bytes; characters are put together as the detokenizer does.
inline text_decoder decoder_of(const std::vector<std::string>& vocabulary) {
  return [&vocabulary, pending = std::string{}](std::optional<token_id> token) mutable {
    std::string out;
    if (token)
      pending += vocabulary.at(static_cast<size_t>(*token));
    pending.erase(0, append_repaired(pending, !token, out));
    return out;
  };
}

inline token_bytes_of bytes_of(const std::vector<std::string>& vocabulary) {
  return [&vocabulary](token_id token) { return vocabulary.at(static_cast<size_t>(token)); };
}

/// One entry and the tokens that it is given, the last of which ends with `finish`.
struct answer_script {
  std::vector<std::string> vocabulary;
  std::vector<token_id> tokens;
  sequence_spec spec;
  finish_reason finish = finish_reason::length;

  sampled_token sampled(size_t index) const {
    sampled_token out{.id = 1,
                      .position = static_cast<int32_t>(index),
                      .token = tokens[index],
                      .finish = index + 1 == tokens.size() ? finish : finish_reason::none};
    if (spec.sampling.logprobs) {
      token_logprobs ranked{{tokens[index], 2, -0.5f - static_cast<float>(index), {}}, {}};
      for (int32_t i = 0; i < *spec.sampling.logprobs; ++i)
        ranked.top.push_back({i % static_cast<token_id>(vocabulary.size()), i + 1, -0.25f, {}});
      out.logprobs = std::make_shared<const std::vector<token_logprobs>>(1, std::move(ranked));
    }
    return out;
  }

  open_entry request() const {
    open_entry out;
    out.response_id = "r";
    out.spec = spec;
    out.spec.prompt = {0};
    out.timeout_ms = 1000;
    return out;
  }
};

inline std::vector<response_event> log_of(ledger_entry& entry) {
  std::vector<response_event> out;
  while (const auto* event = entry.next_unsent(int64_t{1} << 40))
    out.push_back(*event);
  return out;
}

/// The events of the whole script; tokens behind the end are not given to the entry.
inline std::vector<response_event> events_of(const answer_script& script) {
  ledger_entry entry(1, script.request(), 1, decoder_of(script.vocabulary), {}, bytes_of(script.vocabulary));
  entry.begin();
  for (size_t i = 0; i < script.tokens.size() && !entry.ended(); ++i)
    entry.append(script.sampled(i));
  return log_of(entry);
}

inline std::vector<std::string> deltas_of(const std::vector<response_event>& events) {
  std::vector<std::string> out;
  for (const auto& event : events)
    if (event.kind == event_kind::output_text_delta)
      out.push_back(event.text);
  return out;
}

/// Everything that a door may show, in one line an event.
inline std::string shown(const response_event& event) {
  std::string out = std::to_string(event.sequence_number) + " " +
                    std::to_string(static_cast<int>(event.kind)) + " '" + event.text + "' " +
                    std::to_string(event.output_tokens) + " " + std::to_string(event.cut) + " " +
                    std::to_string(event.cumulative_logprob);
  if (const auto* token = std::get_if<token_id>(&event.stopped_by))
    out += " token " + std::to_string(*token);
  if (const auto* stop = std::get_if<std::string>(&event.stopped_by))
    out += " stop '" + *stop + "'";
  if (event.logprobs)
    for (const auto& each : *event.logprobs)
      out += " [" + each.chosen.bytes + " " + std::to_string(each.chosen.token) + " " +
             std::to_string(each.chosen.logprob) + " of " + std::to_string(each.top.size()) + "]";
  return out;
}

inline std::vector<std::string> shown(const std::vector<response_event>& events) {
  std::vector<std::string> out;
  for (const auto& event : events)
    out.push_back(shown(event));
  return out;
}

} // namespace troupe::test
