#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/quantized_consumer.cuh"
#include "kernels/cuda/quantized_producer.cuh"

namespace troupe::cuda {

/// The last warp fetches. 16 warps leave 128 registers a thread.
template <weight_format Format, int Tiles, bool Decoders>
__global__ void __launch_bounds__((quantized_warps_max + 1) * 32, 1)
    quantized_kernel(const __grid_constant__ quantized_plan plan) {
  extern __shared__ __align__(128) uint8_t memory[];
  quantized_ring ring{memory};
  int32_t consumers = int32_t(blockDim.x) / 32 - 1, warp = int32_t(threadIdx.x) / 32,
          pairs = plan.tile_granules / 2;
  if (threadIdx.x == 0) {
#pragma unroll 1
    for (int32_t s = 0; s < plan.stages; ++s) {
      barrier_init(ring.full(s), 1);
      barrier_init(ring.empty(s), uint32_t(consumers));
    }
    for (int32_t d = 0; d < consumers - pairs; ++d) {
      barrier_init(ring.ready(d), 1);
      barrier_init(ring.taken(d), 1);
    }
    barrier_init_fence();
    *reinterpret_cast<uint4*>(memory + quantized_header_bytes - 16) = {};
  }
  __syncthreads();
  let_next_kernel_start();
  diagonal_place diagonal(int32_t(threadIdx.x) % 32, cell_in_shared{ring.zeros()}.word());
  if (warp == consumers) {
    quantized_producer<Format>{plan, ring}.run();
  } else if (Decoders && warp >= pairs) {
    quantized_decoder<Format>{plan, ring, warp - pairs, diagonal, {}}.run();
  } else {
    wait_for_previous_kernels(); // also before the output, which they may still read
    quantized_consumer<Format, Tiles> consumer{plan, ring, warp, diagonal};
    if (plan.k % cell_columns == 0)
      consumer.template run<Decoders, true>();
    else
      consumer.template run<Decoders, false>();
  }
}

template <weight_format Format>
launch_status launch_quantized(const quantized_plan& plan, const launch_shape& shape,
                               const gpu_stream& stream);

} // namespace troupe::cuda
