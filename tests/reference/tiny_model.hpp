#pragma once

#include "model/language_model.hpp"
#include "model/llama_parameters.hpp"
#include "model/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::reference {

/// Random weights of a small Llama in every format, under GGUF's names.
/// 2 layers, hidden 64, 4 query and 2 key-value heads of head_dim, feed-forward 96, 320 tokens, 1,024
/// positions.
struct tiny_weights {
  llama_parameters parameters;
  std::vector<std::vector<std::byte>> storage;
  std::vector<tensor_view> tensors; // views of storage
};
tiny_weights make_tiny_weights(uint64_t seed, int32_t head_dim = 16);

/// The model of those weights, for tests that need a model and no file: a pass takes microseconds.
/// The same seed gives the same weights everywhere.
std::shared_ptr<const language_model> make_tiny_model(uint64_t seed,
                                                      instruction_set isa = detect_instruction_set());

} // namespace troupe::reference
