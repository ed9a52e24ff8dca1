#pragma once

#include "kernels/cuda/kv_pages.hpp"
#include "kernels/cuda/launch.cuh"

#include <cuda.h>

namespace troupe::cuda {

/// bf16 [rows, columns], row-major, as the copy engine sees it: boxes of box_rows rows and 64 * box_chunks
/// columns under the 128-byte swizzle, in shared memory [chunk, row, 64]; zeros outside. columns: a multiple
/// of 8; box_rows: at most 256. Where columns is a multiple of 64, a copy is from (0, row, chunk) and brings
/// box_chunks; elsewhere from (column, row, 0), and it brings one.
launch_status make_matrix_map(CUtensorMap& out, const void* base, int64_t rows, int64_t columns,
                              int32_t box_rows, int32_t box_chunks);

/// A layer's pages: a copy from (0, 0, chunk, head, page) brings the page's 16 tokens, 64 columns, of a key
/// head (or, from kv_heads on, of values) under the 128-byte swizzle; zeros for page -1. head_dim: a multiple
/// of 64.
launch_status make_pages_map(CUtensorMap& out, const kv_pages& pages);

} // namespace troupe::cuda
