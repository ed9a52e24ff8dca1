#pragma once

#include "kernels/cuda/cuda_memory.hpp"
#include "kernels/cuda/llama_prefill.hpp"
#include "model/cuda/memory_plan.hpp"
#include "model/model_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe {

/// How large steps may be.
struct cuda_step_limits {
  int32_t tokens, sequences; // of a step
  int32_t positions;         // of a sequence
};

/// What steps write on a device beside pages, and the numbers that they read. One step at a time.
class cuda_scratch {
public:
  static constexpr int32_t decode_sequences_max = 64; // of llama_decode
  static constexpr int32_t logit_rows_max = 64;       // of llama_logits

  /// A line for each owner.
  static memory_plan plan(const model_shape& shape, const cuda_step_limits& limits);

  /// On the calling thread's device. Errors: device_out_of_memory, device_failed.
  static result<cuda_scratch> create(std::shared_ptr<const cuda::cuda_device> device,
                                     const model_shape& shape, const cuda_step_limits& limits);

  const cuda::llama_scratch& buffers() const { return buffers_; }
  cuda::bf16* gate_up() const { return gate_up_; }         // [tokens, 2 * feed_forward]
  cuda::bf16* dequantized() const { return dequantized_; } // see llama_prefill_params
  int32_t* words() const { return words_; }                // cuda_step::words_max
  int32_t* pinned_words() const { return pinned_words_.as<int32_t>(); }
  float* pinned_logits() const { return pinned_logits_.as<float>(); } // [logit_rows_max, vocabulary]

  /// Whether llama_decode's partial sums of a context have room.
  bool holds_partials(int32_t sequences, int32_t context_max) const;

private:
  cuda::cuda_memory memory_, pinned_words_, pinned_logits_;
  cuda::llama_scratch buffers_{};
  cuda::bf16 *gate_up_ = nullptr, *dequantized_ = nullptr;
  int32_t* words_ = nullptr;
  size_t partial_bytes_ = 0;
  int32_t heads_ = 0, head_dim_ = 0;
};

} // namespace troupe
