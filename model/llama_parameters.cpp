#include "model/llama_parameters.hpp"

#include "model/attention_windows.hpp"
#include "model/errors.hpp"
#include "model/gguf_file.hpp"

#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

// Bounds far above any model that a CPU serves; they keep products of two sizes inside 31 bits.
constexpr int64_t layers_max = 1024;
constexpr int64_t width_max = 1 << 18;
constexpr int64_t heads_max = 1024;
constexpr int64_t head_dim_max = 256;
constexpr int64_t vocabulary_max = 1 << 20;
constexpr int64_t context_max = 1 << 24;

/// Reads integer keys one after another; the first error stays.
class integer_reader {
public:
  explicit integer_reader(const gguf_file& file) : file_(file) {}

  int32_t required(const char* key, int64_t maximum) {
    const auto value = file_.get_integer(key);
    if (!value)
      return fail(value.error());
    return bounded(key, *value, maximum);
  }

  int32_t optional(const char* key, int64_t maximum, int32_t absent) {
    return file_.has(key) ? required(key, maximum) : absent;
  }

  const status& outcome() const { return outcome_; }

private:
  int32_t bounded(const char* key, int64_t value, int64_t maximum) {
    if (value >= 1 && value <= maximum)
      return static_cast<int32_t>(value);
    return fail(
        failure(model_error::bad_shape, fmt::format("{}: expected 1 to {}, got {}", key, maximum, value))
            .value());
  }

  int32_t fail(const error& reason) {
    if (outcome_)
      outcome_ = tl::unexpected<error>(reason);
    return 1;
  }

  const gguf_file& file_;
  status outcome_;
};

status refuse(std::string message) {
  return failure(model_error::unsupported, std::move(message));
}

/// Things that change the mathematics and that this release does not compute.
status refuse_variants(const gguf_file& file) {
  if (file.has("llama.rope.scaling.type")) {
    const auto kind = file.get_string("llama.rope.scaling.type");
    if (!kind || *kind != "none")
      return refuse("llama.rope.scaling.type: only none is supported");
  }
  if (file.has("llama.expert_count")) {
    const auto count = file.get_integer("llama.expert_count");
    if (!count || *count != 0)
      return refuse("llama.expert_count: mixtures of experts are not supported");
  }
  return {};
}

} // namespace

status validate(const llama_parameters& parameters) {
  const auto& shape = parameters.shape;
  const auto check = [](const char* name, int64_t value, int64_t maximum) -> status {
    if (value >= 1 && value <= maximum)
      return {};
    return failure(model_error::bad_shape, fmt::format("{}: expected 1 to {}, got {}", name, maximum, value));
  };
  for (const auto& checked :
       {check("layers", shape.layers, layers_max), check("hidden", shape.hidden, width_max),
        check("heads", shape.heads, heads_max), check("kv_heads", shape.kv_heads, heads_max),
        check("head_dim", shape.head_dim, head_dim_max), check("feed_forward", shape.feed_forward, width_max),
        check("vocabulary", shape.vocabulary, vocabulary_max),
        check("context_length", shape.context_length, context_max)})
    if (!checked)
      return checked;
  if (shape.heads % shape.kv_heads != 0)
    return failure(model_error::bad_shape, fmt::format("heads: expected a multiple of kv_heads {}, got {}",
                                                       shape.kv_heads, shape.heads));
  if (shape.head_dim % 16 != 0)
    return refuse(fmt::format("head_dim: only multiples of 16 up to {} are supported, got {}", head_dim_max,
                              shape.head_dim));
  if (!(parameters.norm_epsilon > 0.0f && parameters.norm_epsilon < 1.0f))
    return failure(model_error::bad_shape, fmt::format("norm_epsilon: expected above 0 and below 1, got {}",
                                                       parameters.norm_epsilon));
  if (!(parameters.rope_base >= 1.0 && parameters.rope_base <= 1e12))
    return failure(model_error::bad_shape,
                   fmt::format("rope_base: expected 1 to 1e12, got {}", parameters.rope_base));
  if (!parameters.windows.empty() && parameters.windows.size() != static_cast<size_t>(shape.layers))
    return failure(model_error::bad_shape, fmt::format("windows: expected one for each of {} layers, got {}",
                                                       shape.layers, parameters.windows.size()));
  for (const auto& window : parameters.windows)
    if (window.positions < 0 || window.sinks < 0 || (window.sinks > 0 && !window.limited()))
      return failure(model_error::bad_shape,
                     fmt::format("windows: expected positions and sinks 0 or more, and no sinks without "
                                 "positions, got {} and {}",
                                 window.positions, window.sinks));
  return {};
}

result<llama_parameters> read_llama_parameters(const gguf_file& file) {
  if (auto refused = refuse_variants(file); !refused)
    return forward_error(refused);
  integer_reader read(file);
  llama_parameters out;
  auto& shape = out.shape;
  shape.layers = read.required("llama.block_count", layers_max);
  shape.hidden = read.required("llama.embedding_length", width_max);
  shape.feed_forward = read.required("llama.feed_forward_length", width_max);
  shape.heads = read.required("llama.attention.head_count", heads_max);
  shape.kv_heads = read.optional("llama.attention.head_count_kv", heads_max, shape.heads);
  shape.context_length = read.required("llama.context_length", context_max);
  shape.head_dim = read.optional("llama.attention.key_length", head_dim_max, shape.hidden / shape.heads);
  const auto value_dim = read.optional("llama.attention.value_length", head_dim_max, shape.head_dim);
  const auto rotated = read.optional("llama.rope.dimension_count", head_dim_max, shape.head_dim);
  if (!read.outcome())
    return forward_error(read.outcome());
  if (value_dim != shape.head_dim || rotated != shape.head_dim)
    return failure(model_error::unsupported,
                   fmt::format("keys, values and rotation must have one width: {}, {}, {}", shape.head_dim,
                               value_dim, rotated));
  const auto epsilon = file.get_float("llama.attention.layer_norm_rms_epsilon");
  if (!epsilon)
    return forward_error(epsilon);
  out.norm_epsilon = *epsilon < 1.0 ? static_cast<float>(*epsilon) : 1.0f; // 1 and more, and NaN, are refused
  if (file.has("llama.rope.freq_base")) {
    const auto base = file.get_float("llama.rope.freq_base");
    if (!base)
      return forward_error(base);
    out.rope_base = *base;
  }
  auto windows = read_attention_windows(file, "llama", shape.layers);
  if (!windows)
    return forward_error(windows);
  out.windows = std::move(*windows);
  const auto* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr)
    return failure(model_error::missing_key, "tensor token_embd.weight is missing");
  if (embedding->shape.size() != 2 || embedding->shape[1] > static_cast<uint64_t>(vocabulary_max))
    return failure(model_error::bad_shape,
                   fmt::format("token_embd.weight: expected [{}, 1 to {}]", shape.hidden, vocabulary_max));
  shape.vocabulary = static_cast<int32_t>(embedding->shape[1]);
  if (auto checked = validate(out); !checked)
    return forward_error(checked);
  return out;
}

} // namespace troupe
