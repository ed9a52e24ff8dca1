#pragma once

#include "base/attention_window.hpp"
#include "kernels/paged_kv.hpp"

#include <cstdint>

namespace troupe {

/// The sizes of a Llama-like model.
struct model_shape {
  int32_t layers = 0;
  int32_t hidden = 0;
  int32_t heads = 0; // query heads, a multiple of kv_heads
  int32_t kv_heads = 0;
  int32_t head_dim = 0; // even
  int32_t feed_forward = 0;
  int32_t vocabulary = 0;
  int32_t context_length = 0;   // positions the model was trained for
  attention_window window = {}; // what no layer sees beyond: the widest of all; unlimited if one layer is

  int32_t query_width() const { return heads * head_dim; }
  int32_t kv_width() const { return kv_heads * head_dim; }
};

} // namespace troupe
