#pragma once

#include "base/result.hpp"
#include "model/llama_family.hpp"
#include "model/model_shape.hpp"

#include <vector>

namespace troupe {

class gguf_file;

/// What the metadata of a Llama-like model says, checked.
struct llama_parameters {
  model_shape shape;
  float norm_epsilon = 0.0f;
  double rope_base = 10'000.0;
  double rope_divisor = 1.0;      // of every angle (linear scaling), but not in local layers
  double local_rope_base = 0.0;   // of local layers
  std::vector<bool> local_layers; // [layers], or empty: none
  float attention_scale = 0.0f;   // of scores; 0: 1 / sqrt(head_dim)
  llama_family family;
  std::vector<attention_window> windows; // [layers], or empty: every layer sees everything

  bool is_local(int32_t layer) const {
    return !local_layers.empty() && local_layers[static_cast<size_t>(layer)];
  }
  attention_window window_of(int32_t layer) const {
    return windows.empty() ? attention_window{} : windows[static_cast<size_t>(layer)];
  }
};

/// Every number within bounds, and consistent with the others. Errors: unsupported, missing_key, wrong_type,
/// bad_shape.
status validate(const llama_parameters& parameters);

/// Reads the family's keys and windows; the vocabulary is the token embedding's. Errors: as validate.
result<llama_parameters> read_llama_parameters(const gguf_file& file);

} // namespace troupe
