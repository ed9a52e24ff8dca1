#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace troupe::test {

struct load_outcome {
  bool loaded = false;  // and computed a step
  std::string stage;    // that refused: "file", "tokenizer", "template", "weights", "step"
  std::string sentence; // why
};

/// Everything that a node does with a model file: reads it, makes the tokenizer and uses it, parses the chat
/// template and renders a conversation, loads the weights and computes a step of a few tokens.
load_outcome load_whole(std::span<const std::byte> file);

/// What is wrong with a message as a sentence for an operator; empty: nothing.
std::string fault_of_sentence(const std::string& sentence);

} // namespace troupe::test
