#pragma once

#include <string>

namespace troupe::test {

/// A whole model in a few kilobytes, as header and weights: a Llama of one layer with a matrix of every
/// weight format, a tokenizer of 20 tokens, a chat template, and a metadata value of every type. It loads and
/// computes.
struct tiny_gguf {
  std::string header;  // everything in front of the weights, unpadded
  std::string weights; // aligned to 32 bytes
};

tiny_gguf make_tiny_gguf();

/// The file that the two make.
std::string joined(const tiny_gguf& parts);

} // namespace troupe::test
