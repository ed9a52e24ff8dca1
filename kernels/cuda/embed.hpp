#pragma once

#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cstdint>

namespace troupe::cuda {

/// output[t] = table[token[t]], widened. A token outside the vocabulary gives a row of NaN, which greedy and
/// sampled choice report. Opens a step: no later kernel overlaps it, or what came before it.
struct embed_params {
  const bf16* table;    // [vocabulary, hidden]
  const int32_t* token; // [tokens]
  float* output;        // [tokens, hidden]
  int32_t tokens, hidden, vocabulary;
};

/// Pointers: table and output 16-byte aligned. Errors: shape_mismatch, launch_failed.
launch_status embed(const embed_params& params, const gpu_stream& stream);

} // namespace troupe::cuda
