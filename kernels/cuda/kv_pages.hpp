#pragma once

#include "base/page_size.hpp"
#include "kernels/cuda/bf16.hpp"

#include <cstdint>

namespace troupe::cuda {

/// One layer's pages on the device: page p's block starts at base + p * page_stride.
///   keys   [kv_heads, page_tokens, head_dim], rotated;
///   values [kv_heads, page_tokens, head_dim], after the keys.
struct kv_pages {
  bf16* base;
  int64_t page_stride; // elements from one page to the next, a multiple of 8
  int32_t kv_heads, head_dim;
};

/// Elements of one page in one layer.
constexpr int64_t kv_page_elements(int32_t kv_heads, int32_t head_dim) {
  return int64_t(2) * kv_heads * head_dim * page_tokens;
}

} // namespace troupe::cuda
