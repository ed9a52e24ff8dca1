#pragma once

#include "kernels/cuda/launch.cuh"

#include <cuda.h>

namespace troupe::cuda {

/// Describes bf16 [rows, columns], row-major, to the copy engine: boxes of [box_rows, 64] under the 128-byte
/// swizzle, zeros outside. columns: a multiple of 8; box_rows: at most 256.
launch_status make_tensor_map(CUtensorMap& out, const void* base, int64_t rows, int64_t columns,
                              int32_t box_rows);

} // namespace troupe::cuda
