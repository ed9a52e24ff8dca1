#include "model/attention_windows.hpp"

#include "model/errors.hpp"
#include "model/gguf_file.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int64_t window_max = 1 << 24; // the longest context that llama_parameters takes

/// Whether each layer has the window.
result<std::vector<bool>> read_pattern(const gguf_file& file, const std::string& key, int32_t layers,
                                       int64_t period) {
  std::vector<bool> out(static_cast<size_t>(layers), true);
  const bool absent = !file.has(key);
  const auto number = absent ? result<int64_t>(period) : file.get_integer(key);
  if (number) {
    if (!absent && (*number < 0 || *number > layers))
      return failure(model_error::bad_shape,
                     fmt::format("{}: expected 0 to {}, got {}", key, layers, *number));
    for (int32_t i = 0; i<layers&& * number> 0; ++i)
      out[static_cast<size_t>(i)] = i % *number < *number - 1;
    return out;
  }
  if (auto flags = file.get_bools(key))
    out = std::move(*flags);
  else if (const auto numbers = file.get_integers(key)) // some converters write numbers
    out.assign(numbers->begin(), numbers->end());
  else
    return failure(model_error::wrong_type, fmt::format("{}: expected a number or an array of flags", key));
  if (out.size() != static_cast<size_t>(layers))
    return failure(model_error::bad_shape,
                   fmt::format("{}: expected a flag for each of {} layers, got {}", key, layers, out.size()));
  return out;
}

} // namespace

result<std::vector<attention_window>>
read_attention_windows(const gguf_file& file, std::string_view architecture, int32_t layers, int64_t period) {
  std::vector<attention_window> out;
  const auto key = fmt::format("{}.attention.sliding_window", architecture);
  if (!file.has(key))
    return out;
  const auto positions = file.get_integer(key);
  if (!positions)
    return forward_error(positions);
  if (*positions < 0 || *positions > window_max)
    return failure(model_error::bad_shape,
                   fmt::format("{}: expected 0 to {}, got {}", key, window_max, *positions));
  if (*positions == 0)
    return out;
  const auto pattern = read_pattern(file, key + "_pattern", layers, period);
  if (!pattern)
    return forward_error(pattern);
  if (std::none_of(pattern->begin(), pattern->end(), [](bool has) { return has; }))
    return out;
  for (const bool has : *pattern)
    out.push_back({has ? static_cast<int32_t>(*positions) : 0, 0});
  return out;
}

void limit_windows(std::vector<attention_window>& windows, attention_window limit, int32_t layers) {
  if (!limit.limited())
    return;
  windows.resize(static_cast<size_t>(layers));
  for (auto& window : windows)
    if (!window.limited() || window.positions > limit.positions)
      window = limit;
}

attention_window window_of(const settings& configuration) {
  return {static_cast<int32_t>(configuration.attention_window),
          static_cast<int32_t>(configuration.attention_sinks)};
}

attention_window widest(std::span<const attention_window> windows) {
  attention_window out;
  for (const auto& window : windows) {
    if (!window.limited())
      return {};
    out.positions = std::max(out.positions, window.positions);
    out.sinks = std::max(out.sinks, window.sinks);
  }
  return out;
}

} // namespace troupe
