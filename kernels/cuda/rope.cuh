#pragma once

#include "kernels/cuda/kv_pages.hpp"

#include <cuda_bf16.h>

namespace troupe::cuda {

/// A pair of neighbours, rotated in fp32 and rounded to bf16. Source: Su et al. 2021, equation 15.
__device__ inline __nv_bfloat162 rotate(__nv_bfloat162 pair, float2 cosine_sine) {
  float x = __low2float(pair), y = __high2float(pair);
  float c = cosine_sine.x, s = cosine_sine.y;
  return __floats2bfloat162_rn(fmaf(x, c, -(y * s)), fmaf(y, c, x * s));
}

/// The key row of a token in its page, for one head. The value row lies value_offset elements on.
__device__ inline __nv_bfloat16* key_row(const kv_pages& pages, int32_t page, int32_t kv_head, int32_t slot) {
  return reinterpret_cast<__nv_bfloat16*>(pages.base) + page * pages.page_stride +
         (int64_t(kv_head) * page_tokens + slot) * pages.head_dim;
}

__device__ inline int64_t value_offset(const kv_pages& pages) {
  return int64_t(pages.kv_heads) * page_tokens * pages.head_dim;
}

} // namespace troupe::cuda
