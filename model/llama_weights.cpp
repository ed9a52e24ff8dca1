#include "model/llama_weights.hpp"

#include "base/check.hpp"
#include "kernels/cpu/thread_pool.hpp"
#include "memory/crc32c.hpp"
#include "model/fnv_hash.hpp"
#include "model/gguf_header.hpp"
#include "model/load_threads.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unordered_map>

namespace troupe {

weight_format format_of(tensor_type type) {
  switch (type) {
  case tensor_type::f32:
    return weight_format::f32;
  case tensor_type::f16:
    return weight_format::f16;
  case tensor_type::bf16:
    return weight_format::bf16;
  case tensor_type::q8_0:
    return weight_format::q8_0;
  case tensor_type::q4_0:
    return weight_format::q4_0;
  case tensor_type::q4_1:
    return weight_format::q4_1;
  case tensor_type::q5_0:
    return weight_format::q5_0;
  case tensor_type::q5_1:
    return weight_format::q5_1;
  case tensor_type::iq4_nl:
    return weight_format::iq4_nl;
  case tensor_type::q2_k:
    return weight_format::q2_k;
  case tensor_type::q3_k:
    return weight_format::q3_k;
  case tensor_type::q4_k:
    return weight_format::q4_k;
  case tensor_type::q5_k:
    return weight_format::q5_k;
  case tensor_type::q6_k:
    return weight_format::q6_k;
  }
  check_failed("format_of", __FILE__, __LINE__, "a tensor type without a weight format");
}

namespace {

/// Takes tensors out of the file's list by name. The first error stays, and later takes return empty weights.
class tensor_taker {
public:
  /// Without an arena it only checks, and everything that it returns is empty.
  tensor_taker(std::span<const tensor_view> tensors, const load_progress& progress, weight_arena* arena)
      : progress_(progress), arena_(arena) {
    for (const auto& tensor : tensors) {
      left_.emplace(tensor.name, &tensor);
      total_ += tensor.data.size();
    }
  }

  bool has(const std::string& name) const { return left_.contains(name); }
  bool failed() const { return !outcome_; }

  /// Of the matrices taken.
  size_t packed_bytes() const { return packed_bytes_; }

  /// paired: as packed_matrix::pack has it.
  packed_matrix matrix(const std::string& name, int32_t rows, int32_t columns, int32_t paired = 0) {
    const auto* tensor = take(name, {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)});
    if (tensor == nullptr)
      return {};
    const auto format = format_of(tensor->type);
    packed_bytes_ += packed_matrix::packed_bytes(format, rows, columns);
    if (arena_ == nullptr)
      return {};
    auto packed = packed_matrix::pack(format, rows, columns, tensor->data, arena_, paired);
    if (!packed) {
      fail(failure(model_error::bad_shape, fmt::format("{}: {}", name, packed.error().message)));
      return {};
    }
    report(*tensor);
    return std::move(*packed);
  }

  std::vector<float> vector(const std::string& name, int32_t width, int32_t paired = 0) {
    const auto* tensor = take(name, {static_cast<uint64_t>(width)});
    if (tensor == nullptr || arena_ == nullptr)
      return {};
    auto row = packed_matrix::pack(format_of(tensor->type), 1, width, tensor->data);
    if (!row) {
      fail(failure(model_error::bad_shape, fmt::format("{}: {}", name, row.error().message)));
      return {};
    }
    std::vector<float> read(static_cast<size_t>(width)), out;
    row->dequantize_row(0, read.data());
    for (int32_t i = 0; i < width; ++i)
      out.push_back(read[static_cast<size_t>(source_row(i, paired))]);
    report(*tensor);
    return out;
  }

  /// The first error, or one for a tensor that nobody took.
  status finish() {
    if (outcome_ && !left_.empty()) {
      const auto first = std::min_element(left_.begin(), left_.end(),
                                          [](const auto& a, const auto& b) { return a.first < b.first; });
      fail(failure(model_error::unsupported, fmt::format("tensor {} is none that this release computes with",
                                                         printable(first->first))));
    }
    return outcome_;
  }

private:
  /// shape: one or two sizes below 2^31.
  const tensor_view* take(const std::string& name, const std::vector<uint64_t>& shape) {
    if (!outcome_)
      return nullptr;
    const auto found = left_.find(name);
    if (found == left_.end()) {
      fail(failure(model_error::missing_key, fmt::format("tensor {} is missing", name)));
      return nullptr;
    }
    const auto* tensor = found->second;
    if (tensor->shape != shape) {
      fail(failure(model_error::bad_shape,
                   fmt::format("{}: expected [{}], got [{}]", name, fmt::join(shape, ", "),
                               fmt::join(tensor->shape, ", "))));
      return nullptr;
    }
    const auto rows = shape.size() == 2 ? static_cast<int32_t>(shape[1]) : 1;
    const auto columns = static_cast<int32_t>(shape[0]);
    if (auto checked = packed_matrix::check(format_of(tensor->type), rows, columns, tensor->data.size());
        !checked) {
      fail(failure(model_error::bad_shape, fmt::format("{}: {}", name, checked.error().message)));
      return nullptr;
    }
    left_.erase(found);
    return tensor;
  }

  void report(const tensor_view& tensor) {
    done_ += tensor.data.size();
    if (progress_)
      progress_(done_, total_);
  }

  void fail(status reason) {
    if (outcome_)
      outcome_ = std::move(reason);
  }

  std::unordered_map<std::string_view, const tensor_view*> left_;
  const load_progress& progress_;
  weight_arena* arena_;
  size_t packed_bytes_ = 0;
  size_t done_ = 0, total_ = 0; // bytes
  status outcome_;
};

/// Biases and norms that only some families have.
void take_extras(tensor_taker& tensors, const llama_parameters& parameters, int32_t index, llama_layer& out) {
  const auto& shape = parameters.shape;
  const auto& family = parameters.family;
  const auto name = [&](const char* part) { return fmt::format("blk.{}.{}", index, part); };
  const auto paired = family.halves ? shape.head_dim : 0;
  if (family.projection_bias) {
    out.query_bias = tensors.vector(name("attn_q.bias"), shape.query_width(), paired);
    out.key_bias = tensors.vector(name("attn_k.bias"), shape.kv_width(), paired);
    out.value_bias = tensors.vector(name("attn_v.bias"), shape.kv_width());
  }
  if (family.head_norms) {
    out.query_norm = tensors.vector(name("attn_q_norm.weight"), shape.head_dim, paired);
    out.key_norm = tensors.vector(name("attn_k_norm.weight"), shape.head_dim, paired);
  }
  if (family.post_norms) {
    out.post_attention_norm = tensors.vector(name("post_attention_norm.weight"), shape.hidden);
    out.post_feed_forward_norm = tensors.vector(name("post_ffw_norm.weight"), shape.hidden);
  }
}

llama_layer take_layer(tensor_taker& tensors, const llama_parameters& parameters, int32_t index) {
  const auto& shape = parameters.shape;
  const auto paired = parameters.family.halves ? shape.head_dim : 0;
  const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", index, part); };
  llama_layer out;
  out.attention_norm = tensors.vector(name("attn_norm"), shape.hidden);
  out.query = tensors.matrix(name("attn_q"), shape.query_width(), shape.hidden, paired);
  out.key = tensors.matrix(name("attn_k"), shape.kv_width(), shape.hidden, paired);
  out.value = tensors.matrix(name("attn_v"), shape.kv_width(), shape.hidden);
  out.attention_output = tensors.matrix(name("attn_output"), shape.hidden, shape.query_width());
  out.feed_forward_norm = tensors.vector(name("ffn_norm"), shape.hidden);
  out.gate = tensors.matrix(name("ffn_gate"), shape.feed_forward, shape.hidden);
  out.up = tensors.matrix(name("ffn_up"), shape.feed_forward, shape.hidden);
  out.down = tensors.matrix(name("ffn_down"), shape.hidden, shape.feed_forward);
  take_extras(tensors, parameters, index, out);
  return out;
}

/// All tensors of the model.
llama_weights take_all(tensor_taker& taker, const llama_parameters& parameters) {
  const auto& shape = parameters.shape;
  llama_weights out;
  out.embedding = taker.matrix("token_embd.weight", shape.vocabulary, shape.hidden);
  for (int32_t i = 0; i < shape.layers && !taker.failed(); ++i)
    out.layers.push_back(take_layer(taker, parameters, i));
  out.output_norm = taker.vector("output_norm.weight", shape.hidden);
  if (taker.has("output.weight"))
    out.output = taker.matrix("output.weight", shape.vocabulary, shape.hidden);
  if (taker.has("rope_freqs.weight"))
    out.rope_divisors = taker.vector("rope_freqs.weight", shape.head_dim / 2);
  return out;
}

size_t bytes_of(const llama_layer& layer) {
  size_t sum = 0;
  for (const auto* vector : {&layer.attention_norm, &layer.feed_forward_norm, &layer.query_bias,
                             &layer.key_bias, &layer.value_bias, &layer.query_norm, &layer.key_norm,
                             &layer.post_attention_norm, &layer.post_feed_forward_norm})
    sum += vector->size() * sizeof(float);
  for (const auto* matrix :
       {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.gate, &layer.up, &layer.down})
    sum += matrix->bytes();
  return sum;
}

} // namespace

size_t llama_weights::bytes() const {
  size_t sum = embedding.bytes() + output_norm.size() * sizeof(float);
  sum += output ? output->bytes() : 0;
  for (const auto& layer : layers)
    sum += bytes_of(layer);
  return sum;
}

result<size_t> check_llama_tensors(const llama_parameters& parameters, std::span<const tensor_view> tensors) {
  const load_progress silent;
  tensor_taker checking(tensors, silent, nullptr);
  take_all(checking, parameters);
  if (auto checked = checking.finish(); !checked)
    return forward_error(checked);
  return checking.packed_bytes();
}

result<llama_weights> load_llama_weights(const llama_parameters& parameters,
                                         std::span<const tensor_view> tensors,
                                         const load_progress& progress) {
  const auto packed_bytes = check_llama_tensors(parameters, tensors);
  if (!packed_bytes)
    return forward_error(packed_bytes);
  weight_arena arena(*packed_bytes);
  tensor_taker packing(tensors, progress, &arena);
  auto out = take_all(packing, parameters);
  if (auto packed = packing.finish(); !packed)
    return forward_error(packed);
  for (const float divisor : out.rope_divisors)
    if (!(divisor >= 1e-6f && divisor <= 1e6f))
      return failure(model_error::bad_shape,
                     fmt::format("rope_freqs.weight: expected 1e-6 to 1e6, got {}", divisor));
  return out;
}

uint64_t fingerprint(std::span<const tensor_view> tensors) {
  std::vector<uint32_t> sums(tensors.size());
  thread_pool(load_threads()).run(tensors.size(), [&](size_t i) { sums[i] = crc32c(tensors[i].data); });
  fnv_hash hash;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& tensor = tensors[i];
    hash.add(tensor.name);
    hash.add_number(static_cast<uint64_t>(tensor.type));
    for (auto size : tensor.shape)
      hash.add_number(size);
    hash.add_number(sums[i]);
  }
  return hash.value();
}

} // namespace troupe
