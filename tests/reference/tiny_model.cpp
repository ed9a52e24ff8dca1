#include "tests/reference/tiny_model.hpp"

#include "model/llama.hpp"
#include "tests/reference/quantize.hpp"
#include "tests/reference/random_values.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace troupe::reference {

namespace {

class weight_maker {
public:
  explicit weight_maker(uint64_t seed) : random_(seed) {}

  void matrix(const std::string& name, tensor_type type, int32_t rows, int32_t columns, double gain = 1.0) {
    const auto count = static_cast<size_t>(rows) * static_cast<size_t>(columns);
    add(name, type, {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)},
        random_.normals(count, gain / std::sqrt(columns)));
  }

  void norm(const std::string& name, int32_t width) {
    auto values = random_.normals(static_cast<size_t>(width), 0.1);
    for (auto& value : values)
      value += 1.0f;
    add(name, tensor_type::f32, {static_cast<uint64_t>(width)}, values);
  }

  tiny_weights out;

private:
  void add(const std::string& name, tensor_type type, std::vector<uint64_t> shape,
           const std::vector<float>& values) {
    out.storage.push_back(quantize(type, values));
    out.tensors.push_back({name, type, std::move(shape), out.storage.back()});
  }

  random_values random_;
};

} // namespace

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
