#pragma once

#include "base/page_size.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

/// Where one layer's keys and values lie inside a page, in fp16:
///   keys   [kv_heads, head_dim, page_tokens], transposed so that vector lanes are tokens;
///   values [kv_heads, page_tokens, head_dim].
struct page_layout {
  int32_t kv_heads = 0, head_dim = 0;

  size_t half_elements() const { // of the keys, and of the values
    return static_cast<size_t>(kv_heads) * static_cast<size_t>(head_dim) * page_tokens;
  }
  size_t layer_bytes() const { return 2 * half_elements() * sizeof(uint16_t); }
};

} // namespace troupe
