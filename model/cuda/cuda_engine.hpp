#pragma once

#include "kernels/cpu/thread_pool.hpp"
#include "kernels/cuda/cuda_stream.hpp"
#include "model/cuda/cuda_scratch.hpp"
#include "model/cuda/cuda_step.hpp"
#include "model/cuda/cuda_weights.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace troupe {

/// Runs a Llama's steps on a card, one at a time. Steps of one token a sequence go through llama_decode, from
/// a recorded graph once their shape has been seen; all others through llama_prefill. Both give the same
/// bits.
class cuda_engine {
public:
  /// Tests whether cuBLASLt's products have the bits of ours at this model's shapes: where not, ours serve
  /// all steps. The device is the calling thread's. Errors: device_out_of_memory, device_failed.
  static result<std::unique_ptr<cuda_engine>> create(std::shared_ptr<const cuda::cuda_device> device,
                                                     const model_shape& shape, const cuda_step_limits& limits,
                                                     cuda_weights weights);
  ~cuda_engine();
  cuda_engine(const cuda_engine&) = delete;
  cuda_engine& operator=(const cuda_engine&) = delete;

  const cuda_step_limits& limits() const { return limits_; }
  const cuda_weights& weights() const { return weights_; }

  /// A checked step over pages on the device. logits: [rows, vocabulary]; the threads copy them. Greedy
  /// tokens are chosen on the device. Errors: device_failed, shape_mismatch.
  status run(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages, thread_pool& threads,
             std::span<float> logits);

private:
  using graph_key = std::pair<int32_t, int32_t>; // sequences, context_max
  /// Null until the shape has been met twice: a first run loads the kernels, which a recording may not.
  using graph_map = std::map<graph_key, CUgraphExec_st*>;

  cuda_engine(std::shared_ptr<const cuda::cuda_device> device, const model_shape& shape,
              const cuda_step_limits& limits, cuda_weights weights);

  status open();
  bool products_agree() const;
  void use_pages(std::byte* base);
  status decode(std::span<const sequence_slice> slices, int32_t context_max, thread_pool& threads,
                std::span<float> logits);
  status launch_decode(const cuda_step& step, int32_t context_max);
  status prefill(std::span<const sequence_slice> slices, thread_pool& threads, std::span<float> logits);
  status choose(const cuda_step& step, thread_pool& threads, float* to);
  status send(const cuda_step& step);
  status fetch(std::span<token_id* const> wants, std::span<const size_t> rows, thread_pool& threads,
               float*& to);
  status wait();
  int32_t context_of(std::span<const sequence_slice> slices) const;
  cuda::llama_weights table() const;
  void forget_graphs();

  std::shared_ptr<const cuda::cuda_device> device_;
  model_shape shape_;
  cuda_step_limits limits_;
  cuda_weights weights_;
  std::vector<cuda::llama_layer> layers_; // with the pages of the last step
  std::byte* pages_ = nullptr;            // of the last step
  cuda_scratch scratch_;
  cuda::cuda_stream stream_;
  std::unique_ptr<cuda::prefill_linear> many_rows_; // null: products of many rows go in pieces of 64
  graph_map graphs_;
  std::mutex turn_;
};

} // namespace troupe
