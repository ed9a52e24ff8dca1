#pragma once

#include "kernels/cuda/weight_matrix.hpp"

#include <cuda_runtime_api.h>

namespace troupe::cuda {

/// A packed matrix of random weights of deviation 0.02; lives until the program ends.
weight_matrix random_cells(weight_format format, int32_t n, int32_t k, uint64_t seed, cudaStream_t stream);

} // namespace troupe::cuda
