#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// Independent normal values of mean 0, a function of (seed, index): self-tests and benches fill weights with
/// it.
struct fill_normal_params {
  bf16* output;
  int64_t count;
  float deviation;
  uint64_t seed;
};

/// Errors: shape_mismatch, launch_failed.
launch_status fill_normal(const fill_normal_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
