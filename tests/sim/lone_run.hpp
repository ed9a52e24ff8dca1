#pragma once

#include "actors/messages.hpp"
#include "model/language_model.hpp"

#include <span>
#include <string>
#include <vector>

namespace troupe::sim {

/// The text of a token: different for each, so that equal texts are equal tokens.
std::string word_of(token_id token);

struct lone_answer {
  std::vector<token_id> tokens;
  finish_reason finish = finish_reason::none;
  std::string text;             // words of all tokens but one that says stop
  std::vector<size_t> ends;     // [tokens] length of the text behind each
  std::vector<uint64_t> logits; // [tokens] hash of the bits from which each was drawn
};

uint64_t hash_of(std::span<const float> logits);

/// What a request gets with the model to itself: the whole prompt in one pass, then token after token.
/// No planner, no step runner, no pages of others: the oracle for everything that runs in company.
lone_answer run_alone(const language_model& model, const sequence_spec& spec);

} // namespace troupe::sim
