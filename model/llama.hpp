#pragma once

#include "kernels/cpu/attention.hpp"
#include "kernels/cpu/cpu_stream.hpp"
#include "model/language_model.hpp"
#include "model/llama_weights.hpp"

#include <memory>
#include <span>
#include <vector>

namespace troupe {

/// Llama and its relatives (llama_family.hpp): RMSNorm, rotary embedding on neighbouring pairs, grouped-query
/// attention, SwiGLU. Source: Touvron et al. 2023.
class llama final : public language_model {
public:
  /// Tensors under GGUF's names; they may go afterwards. Errors: of validate and load_llama_weights.
  static result<std::shared_ptr<const language_model>> create(const llama_parameters& parameters,
                                                              std::span<const tensor_view> tensors,
                                                              const load_options& options,
                                                              const load_progress& progress);

  const model_shape& shape() const override { return parameters_.shape; }
  size_t page_bytes() const override;
  size_t weight_bytes() const override { return weights_.bytes(); }
  uint64_t numeric_class() const override { return numeric_class_; }
  status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                 forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const override;

private:
  struct step_state;

  llama(const llama_parameters& parameters, llama_weights weights, instruction_set isa, uint64_t weights_hash,
        int32_t positions);

  step_state make_step(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                       forward_scratch& scratch, thread_pool& threads) const;
  void embed(std::span<const sequence_slice> slices, step_state& step) const;
  /// Queries, keys and values of the normed rows.
  status project_heads(const llama_layer& layer, step_state& step) const;
  /// Norm of each head, where the family has it, and rotation; in place.
  status rotate(float* rows, int32_t heads, const std::vector<float>& head_norm, bool local,
                step_state& step) const;
  /// residual += product of input, after a norm where the family has it.
  status add_to_residual(const float* input, const packed_matrix& weights,
                         const std::vector<float>& post_norm, step_state& step) const;
  status attend(const llama_layer& layer, int32_t index, step_state& step) const;
  status feed_forward(const llama_layer& layer, step_state& step) const;
  status project_logits(std::span<const sequence_slice> slices, step_state& step,
                        std::span<float> logits) const;
  page_layout layout() const { return {shape().kv_heads, shape().head_dim}; }

  llama_parameters parameters_;
  llama_weights weights_;
  instruction_set isa_;
  int32_t positions_; // that the rotary table covers, at most shape().context_length
  aligned_buffer rope_table_, local_rope_table_; // the latter empty where no layer is local
  uint64_t numeric_class_ = 0;
};

} // namespace troupe
