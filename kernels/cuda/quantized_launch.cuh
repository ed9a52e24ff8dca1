#pragma once

#include "kernels/cuda/quantized_kernel.cuh"

namespace troupe::cuda {

template <weight_format Format>
launch_status launch_quantized(const quantized_plan& plan, const launch_shape& shape,
                               const gpu_stream& stream) {
  switch (quantized_token_tiles(plan.tokens)) {
  case 1:
    return plan.team > 0 ? launch(quantized_kernel<Format, 1, true>, shape, stream, plan)
                         : launch(quantized_kernel<Format, 1, false>, shape, stream, plan);
  case 2:
    return plan.team > 0 ? launch(quantized_kernel<Format, 2, true>, shape, stream, plan)
                         : launch(quantized_kernel<Format, 2, false>, shape, stream, plan);
  case 4:
    return launch(quantized_kernel<Format, 4, false>, shape, stream, plan);
  default:
    return launch(quantized_kernel<Format, 8, false>, shape, stream, plan);
  }
}

} // namespace troupe::cuda
