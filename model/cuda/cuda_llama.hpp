#pragma once

#include "kernels/cuda/cuda_device.hpp"
#include "model/language_model.hpp"
#include "model/llama_parameters.hpp"
#include "model/tensor_view.hpp"

#include <memory>
#include <span>

namespace troupe {

class cuda_engine;

/// Llama on an NVIDIA card, under the numeric definition of kernels/cuda (linear.hpp, decode_attention.hpp):
/// bf16 activations, keys and values, fp32 sums and residual stream. Weights stay packed; a token of the
/// embedding is its weights rounded to bf16. forward() takes turns; its threads only copy logits, and of
/// its scratch only the size counts.
class cuda_llama final : public language_model {
public:
  /// Errors: of validate and cuda_weights::load.
  static result<std::shared_ptr<const language_model>>
  create(std::shared_ptr<const cuda::cuda_device> device, const llama_parameters& parameters,
         std::span<const tensor_view> tensors, const load_options& options, const load_progress& progress);
  ~cuda_llama() override;

  const model_shape& shape() const override { return parameters_.shape; }
  size_t page_bytes() const override;
  size_t weight_bytes() const override;
  uint64_t numeric_class() const override { return numeric_class_; }
  result<std::shared_ptr<kv_store>> make_pages(int32_t page_count) const override;
  std::string_view device() const override { return device_->name(); }
  bool chooses_greedily() const override { return true; }
  status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                 forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const override;
  void break_device() const override;

private:
  cuda_llama(std::shared_ptr<const cuda::cuda_device> device, const llama_parameters& parameters,
             std::unique_ptr<cuda_engine> made, uint64_t numeric_class);

  std::shared_ptr<const cuda::cuda_device> device_;
  llama_parameters parameters_;
  std::unique_ptr<cuda_engine> engine_; // what a step changes; behind a lock
  uint64_t numeric_class_ = 0;
};

} // namespace troupe
