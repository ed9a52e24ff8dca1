#include "model/llama_setup.hpp"

#include "kernels/cpu/rope.hpp"
#include "model/attention_windows.hpp"
#include "model/fnv_hash.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// With windows, pages bound no sequence's length, so something else has to bound the rotary table: 128 MiB
/// at a head_dim of 64.
constexpr int32_t windowed_positions_max = 1 << 18;

/// Two C libraries may round a sine differently; then the tables differ, and so must the classes. A sample of
/// fixed size: how much of the table is used says nothing about bits.
void add_rotation(const llama_parameters& parameters, std::span<const float> divisors, bool local,
                  fnv_hash& hash) {
  constexpr size_t sample_bytes = size_t{1} << 20;
  const auto position_bytes = 2 * static_cast<size_t>(parameters.shape.head_dim) * sizeof(float);
  const auto positions =
      std::min(static_cast<size_t>(parameters.shape.context_length), sample_bytes / position_bytes);
  const auto sample = rope_table_of(parameters, divisors, local, static_cast<int32_t>(positions));
  hash.add(std::span(sample.data(), sample.size()));
}

} // namespace

result<llama_parameters> limit_llama(const llama_parameters& parameters, const load_options& options) {
  auto bounded = parameters;
  if (options.positions_max > 0)
    bounded.shape.context_length = std::min(bounded.shape.context_length, options.positions_max);
  limit_windows(bounded.windows, options.window, bounded.shape.layers);
  bounded.shape.window = widest(bounded.windows);
  if (bounded.shape.window.limited())
    bounded.shape.context_length = std::min(bounded.shape.context_length, windowed_positions_max);
  if (auto checked = validate(bounded); !checked)
    return forward_error(checked);
  return bounded;
}

size_t page_bytes_of(const model_shape& shape) {
  return static_cast<size_t>(shape.layers) * page_layout{shape.kv_heads, shape.head_dim}.layer_bytes();
}

int32_t positions_of(const model_shape& shape, const load_options& options) {
  if (options.kv_bytes_max == 0 || shape.window.limited()) // pages of a window hold any length
    return shape.context_length;
  const size_t held = options.kv_bytes_max / page_bytes_of(shape) * page_tokens;
  return static_cast<int32_t>(std::clamp<size_t>(held, 1, static_cast<size_t>(shape.context_length)));
}

aligned_buffer rope_table_of(const llama_parameters& parameters, std::span<const float> divisors, bool local,
                             int32_t positions) {
  const auto head_dim = parameters.shape.head_dim;
  if (local)
    return make_rope_table(positions, head_dim, parameters.local_rope_base);
  std::vector<double> scaled(divisors.begin(), divisors.end());
  if (scaled.empty() && parameters.rope_divisor != 1.0)
    scaled.assign(static_cast<size_t>(head_dim / 2), 1.0);
  for (auto& each : scaled)
    each *= parameters.rope_divisor;
  return make_rope_table(positions, head_dim, parameters.rope_base, scaled);
}

uint64_t numeric_class_of(const llama_parameters& parameters, const device_class& device) {
  fnv_hash hash;
  hash.add(device.device);
  hash.add(device.kv_type);
  hash.add_number(device.revision);
  hash.add_number(device.weights_hash);
  hash.add(std::as_bytes(std::span(&parameters.norm_epsilon, 1)));
  add_rotation(parameters, device.rope_divisors, false, hash);
  for (const auto& window : parameters.windows) { // none: the class that models had before there were windows
    hash.add_number(static_cast<uint64_t>(window.positions));
    hash.add_number(static_cast<uint64_t>(window.sinks));
  }
  if (const auto name = parameters.family.architecture;
      name != "llama") { // llama: as before there were others
    hash.add(name);
    hash.add(std::as_bytes(std::span(&parameters.attention_scale, 1)));
    for (const bool local : parameters.local_layers)
      hash.add_number(local);
    if (!parameters.local_layers.empty())
      add_rotation(parameters, {}, true, hash);
  }
  return hash.value();
}

} // namespace troupe
