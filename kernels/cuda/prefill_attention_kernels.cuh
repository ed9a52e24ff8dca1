#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/prefill_attention.hpp"

namespace troupe::cuda {

/// The two kernels behind prefill_attention(), which checks the shapes. They give the same bits.

/// mma.sync, 64 query rows a block; any card, head_dim 64, 128, 256.
launch_status prefill_attention_by_warps(const prefill_attention_params& params, const gpu_stream& stream);

/// wgmma fed by the copy engine, 128 query rows a block; sm_90a, head_dim 64 and 128.
launch_status prefill_attention_by_warpgroups(const prefill_attention_params& params,
                                              const gpu_stream& stream);

} // namespace troupe::cuda
