#pragma once

#include "base/result.hpp"
#include "kernels/cpu/packed_matrix.hpp"
#include "model/language_model.hpp"
#include "model/llama_parameters.hpp"
#include "model/tensor_view.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// How the CPU kernels read a tensor of this type.
weight_format format_of(tensor_type type);

/// One transformer block. Matrices are [outputs, inputs].
struct llama_layer {
  std::vector<float> attention_norm;    // [hidden]
  packed_matrix query, key, value;      // [heads * head_dim, hidden], [kv_heads * head_dim, hidden] twice
  packed_matrix attention_output;       // [hidden, heads * head_dim]
  std::vector<float> feed_forward_norm; // [hidden]
  packed_matrix gate, up;               // [feed_forward, hidden]
  packed_matrix down;                   // [hidden, feed_forward]

  // Empty where the family has none. Rows of queries and keys, and what goes with them, are in the order of
  // neighbouring rotary pairs whatever the file has.
  std::vector<float> query_bias, key_bias, value_bias;            // one for each row
  std::vector<float> query_norm, key_norm;                        // [head_dim]
  std::vector<float> post_attention_norm, post_feed_forward_norm; // [hidden]
};

/// All weights of a Llama-like model, repacked.
struct llama_weights {
  packed_matrix embedding; // [vocabulary, hidden]
  std::vector<llama_layer> layers;
  std::vector<float> output_norm;      // [hidden]
  std::optional<packed_matrix> output; // [vocabulary, hidden]; absent: tied to the embedding
  std::vector<float> rope_divisors;    // [head_dim / 2] of angles, or empty

  const packed_matrix& head() const { return output ? *output : embedding; }
  size_t bytes() const;
};

/// Finds each tensor by GGUF's name, checks its shape and repacks it; refuses tensors that it would ignore.
/// Errors: missing_key, bad_shape, unsupported.
result<llama_weights> load_llama_weights(const llama_parameters& parameters,
                                         std::span<const tensor_view> tensors, const load_progress& progress);

/// The checks of load_llama_weights alone: afterwards every tensor is there and has its size. Gives the bytes
/// that the repacked matrices would take on a CPU.
result<size_t> check_llama_tensors(const llama_parameters& parameters, std::span<const tensor_view> tensors);

/// A hash of names, types, shapes and all data (about 10 GB/s a core), for numeric_class: KV pages outlive a
/// process, and must never meet other weights.
uint64_t fingerprint(std::span<const tensor_view> tensors);

} // namespace troupe
