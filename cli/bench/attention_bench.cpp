#include "cli/bench/attention_bench.hpp"

#include "base/page_size.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

namespace troupe {

namespace {

void fill_random(float* values, size_t count, std::mt19937_64& random) {
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 - 1);
}

size_t product(int32_t a, int32_t b, int32_t c = 1) {
  return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c);
}

} // namespace

attention_bench::attention_bench(const attention_bench_options& options, const cpu_stream& stream,
                                 const time_source& clock)
    : options_(options), stream_(stream), clock_(clock),
      table_(static_cast<size_t>(pages_of(options.tokens))), pages_(table_.size() * page_bytes()),
      query_(product(options.step_tokens, options.heads, options.head_dim) * sizeof(float)),
      output_(query_.size()) {
  std::mt19937_64 random(1);
  std::iota(table_.begin(), table_.end(), 0);
  std::shuffle(table_.begin(), table_.end(), random); // pages of a long sequence lie apart
  fill_random(query_.as<float>(), query_.size() / sizeof(float), random);
}

status attention_bench::fill() {
  std::mt19937_64 random(2);
  const auto wide = product(options_.kv_heads, options_.head_dim);
  std::vector<float> key(product(options_.step_tokens, 1) * wide), value(key.size());
  for (int32_t at = 0; at < options_.tokens; at += options_.step_tokens) {
    const attention_slice slice{0, std::min(options_.step_tokens, options_.tokens - at), at, table_.data()};
    fill_random(key.data(), key.size(), random);
    fill_random(value.data(), value.size(), random);
    const layer_pages pages{pages_.data(), page_bytes(), {options_.kv_heads, options_.head_dim}};
    if (auto ok = append_kv({key.data(), value.data(), pages, {&slice, 1}}, stream_); !ok)
      return ok;
  }
  return {};
}

status attention_bench::attend(int32_t position, int32_t tokens, attention_window window) {
  const attention_slice slice{0, tokens, position, table_.data()};
  return attention({.query = query_.as<float>(),
                    .output = output_.as<float>(),
                    .pages = {pages_.data(), page_bytes(), {options_.kv_heads, options_.head_dim}},
                    .slices = {&slice, 1},
                    .heads = options_.heads,
                    .scale = 1.0f / std::sqrt(static_cast<float>(options_.head_dim)),
                    .window = window},
                   stream_);
}

result<double> attention_bench::prefill_us(attention_window window) {
  const auto start = clock_.now();
  for (int32_t at = 0; at < options_.tokens; at += options_.step_tokens)
    if (auto ok = attend(at, std::min(options_.step_tokens, options_.tokens - at), window); !ok)
      return forward_error(ok);
  return std::chrono::duration<double, std::micro>(clock_.now() - start).count();
}

result<double> attention_bench::decode_us(attention_window window, int32_t repeats) {
  const auto start = clock_.now();
  for (int32_t i = 0; i < repeats; ++i)
    if (auto ok = attend(options_.tokens - 1, 1, window); !ok)
      return forward_error(ok);
  return std::chrono::duration<double, std::micro>(clock_.now() - start).count() / repeats;
}

size_t attention_bench::visible_pages(int32_t position, attention_window window) {
  const auto last = position / page_tokens, first = window.first_of(position) / page_tokens;
  const auto sinks = std::min(pages_of(window.sinks), first);
  return static_cast<size_t>(last - first + 1 + sinks);
}

size_t attention_bench::prefill_bytes(attention_window window) const {
  size_t pages = 0;
  for (int32_t position = 0; position < options_.tokens; ++position)
    pages += visible_pages(position, window);
  return pages * page_bytes();
}

} // namespace troupe
