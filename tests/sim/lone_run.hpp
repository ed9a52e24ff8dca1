#pragma once

#include "actors/messages.hpp"
#include "model/language_model.hpp"
#include "supervision/answer_text.hpp"

#include <span>
#include <string>
#include <vector>

namespace troupe::sim {

/// The text of a token: different for each, so that equal texts are equal tokens.
std::string word_of(token_id token);
make_text_decoder words();

uint64_t hash_of(std::span<const float> logits);

struct lone_answer {
  std::vector<token_id> tokens;
  std::vector<response_event> events; // all, numbered from 0
  std::vector<size_t> told;           // [tokens] length of the text in events behind each
  std::vector<uint64_t> logits;       // [tokens] hash of the bits from which each was drawn

  const std::string& text() const { return events.back().text; }
};

/// What a request gets with the model to itself: the whole prompt in one pass, then token after token. No
/// planner, no step runner, no pages of others: the oracle for everything that runs in company.
lone_answer run_alone(const language_model& model, const open_entry& request);

} // namespace troupe::sim
