#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/linear_kernel.cuh"

namespace troupe::cuda {

template <int Columns>
launch_status launch_linear(const linear_launch& prepared, const gpu_stream& stream) {
  launch_shape shape{dim3(static_cast<unsigned>(prepared.blocks)), dim3(linear_threads),
                     prepared.shared_bytes};
  auto run = [&](auto* kernel) {
    return launch(kernel, shape, stream, prepared.weight_map, prepared.input_map, prepared.plan);
  };
  switch (prepared.tiles_of_64) {
  case 1:
    return run(linear_kernel<1, Columns>);
  case 2:
    return run(linear_kernel<2, Columns>);
  default:
    return run(linear_kernel<4, Columns>);
  }
}

} // namespace troupe::cuda
