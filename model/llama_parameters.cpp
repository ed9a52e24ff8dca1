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

constexpr int32_t gemma3_27b_layers = 62;

/// Reads a family's integer keys one after another; the first error stays.
class integer_reader {
public:
  integer_reader(const gguf_file& file, std::string_view architecture)
      : file_(file), architecture_(architecture) {}

  int32_t required(const char* part, int64_t maximum) {
    const auto key = fmt::format("{}.{}", architecture_, part);
    const auto value = file_.get_integer(key);
    if (!value)
      return fail(value.error());
    return bounded(key, *value, maximum);
  }

  int32_t optional(const char* part, int64_t maximum, int32_t absent) {
    return file_.has(fmt::format("{}.{}", architecture_, part)) ? required(part, maximum) : absent;
  }

  const status& outcome() const { return outcome_; }

private:
  int32_t bounded(const std::string& key, int64_t value, int64_t maximum) {
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
  std::string_view architecture_;
  status outcome_;
};

tl::unexpected<error> refuse(std::string message) {
  return failure(model_error::unsupported, std::move(message));
}

/// Things that change the mathematics and that this release does not compute.
status refuse_variants(const gguf_file& file, std::string_view architecture) {
  if (const auto parts = file.get_integer("split.count"); parts && *parts > 1)
    return refuse(fmt::format(
        "one of {} parts of a model; join them into one file (llama-gguf-split --merge)", *parts));
  const auto experts = fmt::format("{}.expert_count", architecture);
  if (file.has(experts)) {
    const auto count = file.get_integer(experts);
    if (!count || *count != 0)
      return refuse(experts + ": mixtures of experts are not supported");
  }
  for (const char* part : {"final_logit_softcapping", "attn_logit_softcapping"}) {
    const auto key = fmt::format("{}.{}", architecture, part);
    if (file.has(key))
      if (const auto cap = file.get_float(key); !cap || *cap != 0.0)
        return refuse(key + ": capped logits are not supported");
  }
  return {};
}

/// The number under ARCH.part, or `absent` where there is none.
result<double> read_number(const gguf_file& file, std::string_view architecture, const char* part,
                           double absent) {
  const auto key = fmt::format("{}.{}", architecture, part);
  return file.has(key) ? file.get_float(key) : result<double>(absent);
}

/// Bases and scaling of the rotation.
status read_rope(const gguf_file& file, llama_parameters& out) {
  const auto name = out.family.architecture;
  const auto base = read_number(file, name, "rope.freq_base", out.rope_base);
  const auto local = base ? read_number(file, name, "rope.freq_base_swa", out.family.window_rope_base) : base;
  if (!local)
    return forward_error(local);
  out.rope_base = *base;
  out.local_rope_base = *local;
  const auto scaling = fmt::format("{}.rope.scaling.type", name);
  if (!file.has(scaling))
    return {};
  const auto kind = file.get_string(scaling);
  if (!kind || (*kind != "none" && *kind != "linear"))
    return refuse(fmt::format("{}: only none and linear are supported{}", scaling,
                              kind ? ", got " + printable(*kind) : std::string()));
  if (*kind == "none")
    return {};
  const auto factor = file.get_float(fmt::format("{}.rope.scaling.factor", name));
  if (!factor)
    return forward_error(factor);
  out.rope_divisor = *factor;
  return {};
}

/// Windows of layers, and which of them rotate by a base of their own.
status read_windows(const gguf_file& file, llama_parameters& out) {
  auto windows =
      read_attention_windows(file, out.family.architecture, out.shape.layers, out.family.window_period);
  if (!windows)
    return forward_error(windows);
  out.windows = std::move(*windows);
  if (out.local_rope_base > 0.0)
    for (const auto& window : out.windows)
      out.local_layers.push_back(window.limited());
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
  if (!(parameters.rope_divisor >= 1.0 && parameters.rope_divisor <= 1e6))
    return failure(model_error::bad_shape,
                   fmt::format("rope_divisor: expected 1 to 1e6, got {}", parameters.rope_divisor));
  if (!parameters.local_layers.empty() &&
      (parameters.local_layers.size() != static_cast<size_t>(shape.layers) ||
       !(parameters.local_rope_base >= 1.0 && parameters.local_rope_base <= 1e12)))
    return failure(model_error::bad_shape,
                   fmt::format("local_rope_base: expected 1 to 1e12, got {}", parameters.local_rope_base));
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
  const auto architecture = file.get_string("general.architecture");
  if (!architecture)
    return forward_error(architecture);
  const auto* family = find_llama_family(*architecture);
  if (family == nullptr)
    return refuse(fmt::format("general.architecture: supported are {}, got {}", known_architectures(),
                              printable(*architecture)));
  const auto name = family->architecture;
  if (auto refused = refuse_variants(file, name); !refused)
    return forward_error(refused);
  integer_reader read(file, name);
  llama_parameters out;
  out.family = *family;
  auto& shape = out.shape;
  shape.layers = read.required("block_count", layers_max);
  shape.hidden = read.required("embedding_length", width_max);
  shape.feed_forward = read.required("feed_forward_length", width_max);
  shape.heads = read.required("attention.head_count", heads_max);
  shape.kv_heads = read.optional("attention.head_count_kv", heads_max, shape.heads);
  shape.context_length = read.required("context_length", context_max);
  shape.head_dim = read.optional("attention.key_length", head_dim_max, shape.hidden / shape.heads);
  const auto value_dim = read.optional("attention.value_length", head_dim_max, shape.head_dim);
  const auto rotated = read.optional("rope.dimension_count", head_dim_max, shape.head_dim);
  if (!read.outcome())
    return forward_error(read.outcome());
  if (value_dim != shape.head_dim || rotated != shape.head_dim)
    return failure(model_error::unsupported,
                   fmt::format("keys, values and rotation must have one width: {}, {}, {}", shape.head_dim,
                               value_dim, rotated));
  const auto epsilon = file.get_float(fmt::format("{}.attention.layer_norm_rms_epsilon", name));
  if (!epsilon)
    return forward_error(epsilon);
  out.norm_epsilon = *epsilon < 1.0 ? static_cast<float>(*epsilon) : 1.0f; // 1 and more, and NaN, are refused
  if (auto rope = read_rope(file, out); !rope)
    return forward_error(rope);
  if (auto windows = read_windows(file, out); !windows)
    return forward_error(windows);
  if (name == "gemma3" && shape.layers == gemma3_27b_layers) // scores by hidden / heads, not by head_dim
    out.attention_scale =
        1.0f / std::sqrt(static_cast<float>(shape.hidden) / static_cast<float>(shape.heads));
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
