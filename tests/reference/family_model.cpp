#include "tests/reference/family_model.hpp"

#include "tests/reference/weight_maker.hpp"

#include <stdexcept>

namespace troupe::reference {

namespace {

void add_extras(weight_maker& make, const std::string& prefix) {
  const auto& family = make.out.parameters.family;
  const auto& shape = make.out.parameters.shape;
  if (family.projection_bias) {
    make.vector(prefix + "attn_q.bias", shape.query_width(), 0.0f, 0.5);
    make.vector(prefix + "attn_k.bias", shape.kv_width(), 0.0f, 0.5);
    make.vector(prefix + "attn_v.bias", shape.kv_width(), 0.0f, 0.5);
  }
  if (family.head_norms) {
    make.norm(prefix + "attn_q_norm.weight", shape.head_dim);
    make.norm(prefix + "attn_k_norm.weight", shape.head_dim);
  }
  if (family.post_norms) {
    make.norm(prefix + "post_attention_norm.weight", shape.hidden);
    make.norm(prefix + "post_ffw_norm.weight", shape.hidden);
  }
}

void add_layer(weight_maker& make, int32_t index) {
  const auto shape = make.out.parameters.shape;
  // Of matrices with rows of 256 columns, and of attn_output, whose rows have 128.
  constexpr tensor_type wide[] = {tensor_type::q4_k, tensor_type::q5_k, tensor_type::q6_k,
                                  tensor_type::q3_k, tensor_type::q2_k, tensor_type::iq4_nl};
  constexpr tensor_type narrow[] = {tensor_type::q5_0, tensor_type::q5_1, tensor_type::iq4_nl};
  const auto type = [&](int32_t i) { return wide[(i + 2 * index) % 6]; };
  const auto prefix = "blk." + std::to_string(index) + ".";
  make.norm(prefix + "attn_norm.weight", shape.hidden);
  make.matrix(prefix + "attn_q.weight", type(0), shape.query_width(), shape.hidden, 2.0);
  make.matrix(prefix + "attn_k.weight", type(1), shape.kv_width(), shape.hidden, 2.0);
  make.matrix(prefix + "attn_v.weight", type(2), shape.kv_width(), shape.hidden);
  make.matrix(prefix + "attn_output.weight", narrow[index % 3], shape.hidden, shape.query_width());
  make.norm(prefix + "ffn_norm.weight", shape.hidden);
  make.matrix(prefix + "ffn_gate.weight", type(3), shape.feed_forward, shape.hidden);
  make.matrix(prefix + "ffn_up.weight", type(4), shape.feed_forward, shape.hidden);
  make.matrix(prefix + "ffn_down.weight", type(5), shape.hidden, shape.feed_forward);
  add_extras(make, prefix);
}

} // namespace

tiny_weights make_family_weights(std::string_view architecture, uint64_t seed) {
  const auto* family = find_llama_family(architecture);
  if (family == nullptr)
    throw std::logic_error("no such family");
  weight_maker make(seed);
  auto& parameters = make.out.parameters;
  parameters.family = *family;
  parameters.norm_epsilon = 1e-6f;
  auto& shape = parameters.shape;
  shape = {.layers = 3,
           .hidden = 256,
           .heads = 4,
           .kv_heads = 2,
           .head_dim = 32,
           .feed_forward = 256,
           .vocabulary = 320,
           .context_length = 1024};
  if (family->window_period > 0) {
    parameters.rope_base = 1e6;
    parameters.local_rope_base = family->window_rope_base;
    parameters.local_layers = {true, true, false};
    parameters.windows = {{24, 0}, {24, 0}, {}};
  }
  make.matrix("token_embd.weight", tensor_type::q6_k, shape.vocabulary, shape.hidden,
              family->scaled_embedding ? 1.0 : 8.0);
  for (int32_t i = 0; i < shape.layers; ++i)
    add_layer(make, i);
  make.norm("output_norm.weight", shape.hidden);
  return std::move(make.out);
}

tiny_weights make_scaled_rope_weights(uint64_t seed) {
  weight_maker make(seed + 1);
  auto made = make_family_weights("llama", seed);
  make.out = std::move(made);
  make.out.parameters.rope_divisor = 4.0;
  make.vector("rope_freqs.weight", make.out.parameters.shape.head_dim / 2, 4.0f, 1.0);
  return std::move(make.out);
}

} // namespace troupe::reference
