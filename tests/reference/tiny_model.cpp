#include "tests/reference/tiny_model.hpp"

#include "model/llama.hpp"
#include "tests/reference/weight_maker.hpp"

#include <stdexcept>
#include <string>

namespace troupe::reference {

tiny_weights make_tiny_weights(uint64_t seed, int32_t head_dim) {
  weight_maker make(seed);
  auto& shape = make.out.parameters.shape;
  shape = {.layers = 2,
           .hidden = 64,
           .heads = 4,
           .kv_heads = 2,
           .head_dim = head_dim,
           .feed_forward = 96,
           .vocabulary = 320,
           .context_length = 1024};
  make.out.parameters.norm_epsilon = 1e-5f;
  make.matrix("token_embd.weight", tensor_type::q8_0, shape.vocabulary, shape.hidden, 4.0);
  for (int32_t i = 0; i < shape.layers; ++i) {
    const auto first = i == 0;
    const auto name = [&](const char* part) { return "blk." + std::to_string(i) + "." + part + ".weight"; };
    make.norm(name("attn_norm"), shape.hidden);
    make.matrix(name("attn_q"), tensor_type::q4_1, shape.query_width(), shape.hidden, 2.0);
    make.matrix(name("attn_k"), first ? tensor_type::q4_1 : tensor_type::f16, shape.kv_width(), shape.hidden,
                2.0);
    make.matrix(name("attn_v"), first ? tensor_type::q4_0 : tensor_type::bf16, shape.kv_width(),
                shape.hidden);
    make.matrix(name("attn_output"), first ? tensor_type::q4_0 : tensor_type::f32, shape.hidden,
                shape.query_width());
    make.norm(name("ffn_norm"), shape.hidden);
    make.matrix(name("ffn_gate"), tensor_type::q4_1, shape.feed_forward, shape.hidden);
    make.matrix(name("ffn_up"), first ? tensor_type::q4_1 : tensor_type::q8_0, shape.feed_forward,
                shape.hidden);
    make.matrix(name("ffn_down"), first ? tensor_type::q4_1 : tensor_type::q8_0, shape.hidden,
                shape.feed_forward);
  }
  make.norm("output_norm.weight", shape.hidden);
  return std::move(make.out);
}

std::shared_ptr<const language_model> make_tiny_model(uint64_t seed, instruction_set isa) {
  const auto weights = make_tiny_weights(seed);
  auto model = llama::create(weights.parameters, weights.tensors, {.isa = isa}, {});
  if (!model)
    throw std::logic_error("the tiny model does not load: " + model.error().what());
  return *model;
}

} // namespace troupe::reference
