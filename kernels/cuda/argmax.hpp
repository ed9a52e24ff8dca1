#pragma once

#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// token[t] = the index of the largest logit of row t, the lowest of equals; -1 if one is NaN or +inf, or all
/// are -inf: what the sampler calls not finite.
struct argmax_params {
  const float* logits;   // [tokens, vocabulary]
  int32_t* token;        // [tokens]
  uint64_t* best;        // [tokens], zero before the first call; left zero
  uint32_t* blocks_done; // [tokens], likewise
  int32_t tokens, vocabulary;
};

/// Errors: shape_mismatch, launch_failed.
launch_status argmax(const argmax_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
