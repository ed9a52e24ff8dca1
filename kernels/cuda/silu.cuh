#pragma once

#include <cuda_bf16.h>

namespace troupe::cuda {

/// silu(gate) * up with both rounded to bf16 before, and the result after: one definition for every path.
__device__ inline __nv_bfloat16 silu_times(__nv_bfloat16 gate, __nv_bfloat16 up) {
  float g = __bfloat162float(gate);
  return __float2bfloat16_rn(g / (1.0f + __expf(-g)) * __bfloat162float(up));
}

} // namespace troupe::cuda
