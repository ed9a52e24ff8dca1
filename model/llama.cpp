#include "model/llama.hpp"

#include "kernels/cpu/add_rows.hpp"
#include "kernels/cpu/gated_multiply.hpp"
#include "kernels/cpu/linear.hpp"
#include "kernels/cpu/rms_norm.hpp"
#include "kernels/cpu/rope.hpp"
#include "kernels/revision.hpp"
#include "model/llama_setup.hpp"
#include "model/step_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace troupe {

namespace {

/// Products of one input with several matrices; quantizes the input when a matrix wants codes.
struct product {
  const packed_matrix& weights;
  float* output; // [tokens, rows]
};

status project(const float* input, int32_t tokens, std::initializer_list<product> products,
               quantized_rows codes, bool add, const cpu_stream& stream) {
  std::vector<linear_params> group;
  bool wants_codes = false;
  for (const auto& each : products) {
    wants_codes = wants_codes || is_quantized(each.weights.format());
    group.push_back({.weights = &each.weights,
                     .input = input,
                     .codes = codes,
                     .output = each.output,
                     .tokens = tokens,
                     .columns = each.weights.columns(),
                     .rows = each.weights.rows(),
                     .add = add});
  }
  if (wants_codes) {
    const quantize_rows_params params{input, codes, tokens, group.front().columns};
    if (auto done = quantize_rows(params, stream); !done)
      return done;
  }
  return linear_group(group, stream);
}

} // namespace

/// What the parts of one forward pass share.
struct llama::step_state {
  forward_scratch& scratch;
  cpu_stream stream;
  std::byte* pages;
  std::vector<attention_slice> slices;
  int32_t tokens = 0;
};

result<std::shared_ptr<const language_model>> llama::create(const llama_parameters& parameters,
                                                            std::span<const tensor_view> tensors,
                                                            const load_options& options,
                                                            const load_progress& progress) {
  const auto limited = limit_llama(parameters, options);
  if (!limited)
    return forward_error(limited);
  const auto& bounded = *limited;
  auto weights = load_llama_weights(bounded, tensors, progress);
  if (!weights)
    return forward_error(weights);
  return std::shared_ptr<const language_model>(new llama(
      bounded, std::move(*weights), options.isa, fingerprint(tensors), positions_of(bounded.shape, options)));
}

llama::llama(const llama_parameters& parameters, llama_weights weights, instruction_set isa,
             uint64_t weights_hash, int32_t positions)
    : parameters_(parameters), weights_(std::move(weights)), isa_(isa), positions_(positions),
      rope_table_(rope_table_of(parameters, weights_.rope_divisors, false, positions)) {
  if (!parameters.local_layers.empty())
    local_rope_table_ = rope_table_of(parameters, {}, true, positions);
  numeric_class_ =
      numeric_class_of(parameters, {"cpu", "kv f16", kernel_revision, weights_hash, weights_.rope_divisors});
}

size_t llama::page_bytes() const {
  return page_bytes_of(shape());
}

status llama::forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                      forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const {
  auto reachable = shape();
  reachable.context_length = positions_;
  const step_bounds bounds{reachable, page_bytes(), kv_pages.size(), scratch.tokens_max(), logits.size()};
  if (auto checked = check_step(slices, bounds); !checked)
    return checked;
  for (const auto& slice : slices)
    if (slice.greedy != nullptr)
      return failure(model_error::bad_step, "greedy: this model gives logits only");
  if (!scratch.fits(shape()))
    return failure(model_error::bad_step, "scratch: was made for a model of other sizes");
  auto step = make_step(slices, kv_pages, scratch, threads);
  if (step.tokens == 0)
    return {};
  embed(slices, step);
  for (int32_t i = 0; i < shape().layers; ++i) {
    const auto& layer = weights_.layers[static_cast<size_t>(i)];
    if (auto done = attend(layer, i, step); !done)
      return done;
    if (auto done = feed_forward(layer, step); !done)
      return done;
  }
  return project_logits(slices, step, logits);
}

llama::step_state llama::make_step(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                                   forward_scratch& scratch, thread_pool& threads) const {
  step_state out{
      .scratch = scratch, .stream = {isa_, threads}, .pages = kv_pages.data(), .slices = {}, .tokens = 0};
  out.slices.reserve(slices.size());
  for (const auto& slice : slices) {
    const auto count = static_cast<int32_t>(slice.tokens.size());
    out.slices.push_back({out.tokens, count, slice.position, slice.block_table.data()});
    for (int32_t i = 0; i < count; ++i)
      scratch.positions()[static_cast<size_t>(out.tokens + i)] = slice.position + i;
    out.tokens += count;
  }
  return out;
}

void llama::embed(std::span<const sequence_slice> slices, step_state& step) const {
  const float scale =
      parameters_.family.scaled_embedding ? std::sqrt(static_cast<float>(shape().hidden)) : 1.0f;
  float* row = step.scratch.residual();
  for (const auto& slice : slices)
    for (auto token : slice.tokens) {
      weights_.embedding.dequantize_row(token, row);
      for (int32_t i = 0; scale != 1.0f && i < shape().hidden; ++i)
        row[i] *= scale;
      row += shape().hidden;
    }
}

status llama::project_heads(const llama_layer& layer, step_state& step) const {
  auto& scratch = step.scratch;
  const bool biased = !layer.query_bias.empty();
  const auto fill = [&](const std::vector<float>& bias, float* output) {
    for (int32_t t = 0; biased && t < step.tokens; ++t)
      std::copy(bias.begin(), bias.end(), output + static_cast<size_t>(t) * bias.size());
  };
  fill(layer.query_bias, scratch.query());
  fill(layer.key_bias, scratch.key());
  fill(layer.value_bias, scratch.value());
  return project(scratch.normed(), step.tokens,
                 {{layer.query, scratch.query()}, {layer.key, scratch.key()}, {layer.value, scratch.value()}},
                 scratch.codes(step.tokens), biased, step.stream);
}

status llama::rotate(float* rows, int32_t heads, const std::vector<float>& head_norm, bool local,
                     step_state& step) const {
  const auto wide = shape().head_dim;
  if (!head_norm.empty()) {
    const rms_norm_params norm{rows, head_norm.data(),        rows, step.tokens * heads,
                               wide, parameters_.norm_epsilon};
    if (auto done = rms_norm(norm, step.stream); !done)
      return done;
  }
  return rope({.rows = rows,
               .positions = step.scratch.positions().data(),
               .table = (local ? local_rope_table_ : rope_table_).as<float>(),
               .tokens = step.tokens,
               .heads = heads,
               .head_dim = wide,
               .table_positions = positions_},
              step.stream);
}

status llama::add_to_residual(const float* input, const packed_matrix& weights,
                              const std::vector<float>& post_norm, step_state& step) const {
  auto& scratch = step.scratch;
  const auto codes = scratch.codes(step.tokens);
  if (post_norm.empty())
    return project(input, step.tokens, {{weights, scratch.residual()}}, codes, true, step.stream);
  float* added = scratch.normed(); // free by now
  if (auto done = project(input, step.tokens, {{weights, added}}, codes, false, step.stream); !done)
    return done;
  if (auto done =
          rms_norm({added, post_norm.data(), added, step.tokens, shape().hidden, parameters_.norm_epsilon},
                   step.stream);
      !done)
    return done;
  return add_rows({added, scratch.residual(), step.tokens, shape().hidden}, step.stream);
}

status llama::attend(const llama_layer& layer, int32_t index, step_state& step) const {
  auto& scratch = step.scratch;
  const auto& sizes = shape();
  const auto& stream = step.stream;
  const rms_norm_params norm{scratch.residual(), layer.attention_norm.data(), scratch.normed(), step.tokens,
                             sizes.hidden,       parameters_.norm_epsilon};
  if (auto done = rms_norm(norm, stream); !done)
    return done;
  if (auto done = project_heads(layer, step); !done)
    return done;
  const bool local = parameters_.is_local(index);
  if (auto done = rotate(scratch.query(), sizes.heads, layer.query_norm, local, step); !done)
    return done;
  if (auto done = rotate(scratch.key(), sizes.kv_heads, layer.key_norm, local, step); !done)
    return done;
  const layer_pages pages{step.pages + static_cast<size_t>(index) * layout().layer_bytes(), page_bytes(),
                          layout()};
  if (auto done = append_kv({scratch.key(), scratch.value(), pages, step.slices}, stream); !done)
    return done;
  const float scale = parameters_.attention_scale > 0.0f
                          ? parameters_.attention_scale
                          : 1.0f / std::sqrt(static_cast<float>(sizes.head_dim));
  const attention_params mix{.query = scratch.query(),
                             .output = scratch.mixed(),
                             .pages = pages,
                             .slices = step.slices,
                             .heads = sizes.heads,
                             .scale = scale,
                             .window = parameters_.window_of(index)};
  if (auto done = attention(mix, stream); !done)
    return done;
  return add_to_residual(scratch.mixed(), layer.attention_output, layer.post_attention_norm, step);
}

status llama::feed_forward(const llama_layer& layer, step_state& step) const {
  auto& scratch = step.scratch;
  const auto& stream = step.stream;
  const rms_norm_params norm{scratch.residual(), layer.feed_forward_norm.data(),
                             scratch.normed(),   step.tokens,
                             shape().hidden,     parameters_.norm_epsilon};
  if (auto done = rms_norm(norm, stream); !done)
    return done;
  if (auto done =
          project(scratch.normed(), step.tokens, {{layer.gate, scratch.gate()}, {layer.up, scratch.up()}},
                  scratch.codes(step.tokens), false, stream);
      !done)
    return done;
  float* gate = scratch.gate();
  const auto width = shape().feed_forward;
  if (auto done = parameters_.family.gelu
                      ? gelu_multiply({gate, scratch.up(), gate, step.tokens, width}, stream)
                      : silu_multiply({gate, scratch.up(), gate, step.tokens, width}, stream);
      !done)
    return done;
  return add_to_residual(gate, layer.down, layer.post_feed_forward_norm, step);
}

status llama::project_logits(std::span<const sequence_slice> slices, step_state& step,
                             std::span<float> logits) const {
  auto& scratch = step.scratch;
  const auto wide = static_cast<size_t>(shape().hidden);
  // Rows that want logits move to the front: a row never moves down past one still needed.
  int32_t rows = 0;
  size_t next = 0; // row after the current slice
  for (const auto& slice : slices) {
    next += slice.tokens.size();
    for (auto row = next - static_cast<size_t>(slice.logit_rows); row < next; ++row, ++rows)
      std::memmove(scratch.residual() + static_cast<size_t>(rows) * wide, scratch.residual() + row * wide,
                   wide * sizeof(float));
  }
  if (rows == 0)
    return {};
  const rms_norm_params norm{scratch.residual(), weights_.output_norm.data(), scratch.normed(), rows,
                             shape().hidden,     parameters_.norm_epsilon};
  if (auto done = rms_norm(norm, step.stream); !done)
    return done;
  return project(scratch.normed(), rows, {{weights_.head(), logits.data()}}, scratch.codes(rows), false,
                 step.stream);
}

} // namespace troupe
