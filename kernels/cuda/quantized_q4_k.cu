#include "kernels/cuda/quantized_launch.cuh"

namespace troupe::cuda {

template launch_status launch_quantized<weight_format::q4_k>(const quantized_plan&, const launch_shape&,
                                                             const gpu_stream&);

} // namespace troupe::cuda
