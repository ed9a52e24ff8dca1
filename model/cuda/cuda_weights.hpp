#pragma once

#include "kernels/cuda/cuda_memory.hpp"
#include "model/cuda/memory_plan.hpp"
#include "model/cuda/weight_rows.hpp"
#include "model/language_model.hpp"
#include "model/llama_parameters.hpp"

#include <memory>
#include <span>
#include <vector>

namespace troupe {

/// A Llama's weights on a device, quantized ones packed, and the rotary table.
class cuda_weights {
public:
  /// Checks the tensors' names and shapes, the kernels' bounds, and whether the weights and what `rest` says
  /// fit into the device's memory, before it takes any. The device is the calling thread's. positions: of the
  /// rotary table. Errors: those of load_llama_weights, unsupported (a size that the kernels have not, by
  /// name), device_out_of_memory, device_failed.
  static result<cuda_weights> load(std::shared_ptr<const cuda::cuda_device> device,
                                   const llama_parameters& parameters, int32_t positions,
                                   std::span<const tensor_view> tensors, memory_plan rest,
                                   const load_progress& progress);

  /// As the launchers want them, but for each layer's pages and the pointer to the layers.
  const cuda::llama_weights& head() const { return head_; }
  const std::vector<cuda::llama_layer>& layers() const { return layers_; }

  size_t bytes() const { return memory_.size(); }

  /// Of the largest packed matrix in a layer, as bf16: what a product of many rows writes out. 0: none is
  /// packed.
  size_t dequantized_bytes() const { return dequantized_bytes_; }

private:
  class loader;

  cuda::cuda_memory memory_;
  cuda::llama_weights head_{};
  std::vector<cuda::llama_layer> layers_;
  size_t dequantized_bytes_ = 0;
};

/// Errors: unsupported, by name, with what there is.
status check_cuda_shape(const llama_parameters& parameters);

/// The largest of dequantized_bytes() before any tensor is looked at: a bound.
size_t dequantized_bytes_max(const model_shape& shape);

} // namespace troupe
