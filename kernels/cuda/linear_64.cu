#include "kernels/cuda/linear_launch.cuh"

namespace troupe::cuda {

template launch_status launch_linear<64>(const linear_launch&, const gpu_stream&);

} // namespace troupe::cuda
