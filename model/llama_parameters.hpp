#pragma once

#include "base/result.hpp"
#include "model/model_shape.hpp"

#include <vector>

namespace troupe {

class gguf_file;

/// What the metadata of a Llama-like model says, checked.
struct llama_parameters {
  model_shape shape;
  float norm_epsilon = 0.0f;
  double rope_base = 10'000.0;
  std::vector<attention_window> windows; // [layers], or empty: every layer sees everything

  attention_window window_of(int32_t layer) const {
    return windows.empty() ? attention_window{} : windows[static_cast<size_t>(layer)];
  }
};

/// Every number within bounds, and consistent with the others. Errors: unsupported, missing_key, wrong_type,
/// bad_shape.
status validate(const llama_parameters& parameters);

/// Reads llama.* keys and windows; the vocabulary is the token embedding's. Errors: as validate.
result<llama_parameters> read_llama_parameters(const gguf_file& file);

} // namespace troupe
