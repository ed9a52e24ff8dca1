#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// What a family of models computes differently from Llama. A new family is a row of the table.
struct llama_family {
  std::string_view architecture = "llama"; // general.architecture, and what its keys begin with
  bool halves = false;           // rotary pairs are i and i + head_dim / 2 of a head, not neighbours
  bool projection_bias = false;  // queries, keys and values have a bias
  bool head_norms = false;       // RMSNorm of each query and key head before rotation
  bool post_norms = false;       // RMSNorm of what attention and feed-forward add to the residual
  bool gelu = false;             // GELU (tanh) in place of SiLU
  bool scaled_embedding = false; // embedding rows times sqrt(hidden)
  int64_t window_period = 0;     // the last of so many layers sees everything, where the file does not say
  double window_rope_base = 0.0; // of the layers with a window; 0: as the others
};

/// All that this release computes.
std::span<const llama_family> llama_families();

/// Null for an unknown architecture.
const llama_family* find_llama_family(std::string_view architecture);

/// "llama, qwen2, ...", for messages.
std::string known_architectures();

} // namespace troupe
