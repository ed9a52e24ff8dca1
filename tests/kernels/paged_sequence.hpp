#pragma once

#include "kernels/cpu/attention.hpp"
#include "kernels/float16.hpp"
#include "tests/kernels/kernel_test.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/reference_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe {

using reference::random_values;

/// Keys and values of one sequence, and pages in a scrambled order, poisoned where nobody wrote.
struct paged_sequence {
  int32_t heads, kv_heads, head_dim, positions;
  std::vector<float> query, key, value; // [positions, ...]
  std::vector<page_id> table;
  std::vector<std::byte> pages;
  size_t stride;
  attention_window window;   // of every run
  bool forget_pages = false; // poison pages before a step that no row sees, and take them from the table

  paged_sequence(int32_t heads_, int32_t kv_heads_, int32_t head_dim_, int32_t positions_,
                 random_values& random)
      : heads(heads_), kv_heads(kv_heads_), head_dim(head_dim_), positions(positions_) {
    const auto count = static_cast<size_t>(positions);
    query = random.normals(count * static_cast<size_t>(heads * head_dim), 1.5);
    key = random.normals(count * static_cast<size_t>(kv_heads * head_dim), 1.5);
    value = random.normals(count * static_cast<size_t>(kv_heads * head_dim), 1.0);
    const auto page_count = (positions + page_tokens - 1) / page_tokens;
    for (int32_t i = 0; i < page_count; ++i)
      table.push_back((i * 7 + 3) % 1009);
    stride = page_layout{kv_heads, head_dim}.layer_bytes() + 128;
    poison();
  }

  void poison() { pages.assign(stride * 1009, std::byte{0xff}); } // fp16 NaN

  layer_pages layer() { return {pages.data(), stride, {kv_heads, head_dim}}; }

  void forget(int32_t position, std::vector<page_id>& seen) {
    for (auto page = pages_of(window.sinks); page < window.first_of(position) / page_tokens; ++page) {
      auto& entry = seen[static_cast<size_t>(page)];
      if (entry >= 0)
        std::fill_n(pages.data() + static_cast<size_t>(entry) * stride, stride, std::byte{0xff});
      entry = -1;
    }
  }

  /// Appends and attends in steps of these lengths, the last one repeated.
  std::vector<float> run(const cpu_stream& stream, const std::vector<int32_t>& steps) {
    poison();
    auto out = poisoned(query.size());
    const auto q_width = static_cast<size_t>(heads * head_dim),
               kv_width = static_cast<size_t>(kv_heads * head_dim);
    size_t step = 0;
    auto seen = table;
    for (int32_t at = 0; at < positions;) {
      const auto count = std::min(steps[std::min(step++, steps.size() - 1)], positions - at);
      if (forget_pages)
        forget(at, seen);
      const attention_slice slice{0, count, at, seen.data()};
      const auto row = static_cast<size_t>(at);
      REQUIRE(append_kv({key.data() + row * kv_width, value.data() + row * kv_width, layer(), {&slice, 1}},
                        stream));
      REQUIRE(attention({query.data() + row * q_width,
                         out.data() + row * q_width,
                         layer(),
                         {&slice, 1},
                         heads,
                         1.0f / std::sqrt(static_cast<float>(head_dim)),
                         window},
                        stream));
      at += count;
    }
    return out;
  }

  /// Largest difference to float64 over the same rounded keys and values.
  double worst_error(const std::vector<float>& out) const {
    const auto rounded = [](const std::vector<float>& values) {
      std::vector<double> all;
      for (float x : values)
        all.push_back(half_to_float(float_to_half(x)));
      return all;
    };
    const std::vector<double> queries(query.begin(), query.end()), keys = rounded(key),
                                                                   values = rounded(value);
    const auto wide = static_cast<size_t>(head_dim), all_heads = static_cast<size_t>(heads);
    const reference::attention_memory memory{keys.data(), values.data(), static_cast<size_t>(kv_heads), wide};
    std::vector<double> want(wide);
    double worst = 0.0;
    for (size_t row = 0; row < static_cast<size_t>(positions) * all_heads; ++row) {
      const size_t kv_head = row % all_heads / static_cast<size_t>(heads / kv_heads);
      reference::attend(memory, kv_head, queries.data() + row * wide, row / all_heads, window, want.data());
      for (size_t d = 0; d < wide; ++d) {
        const double error = std::abs(out[row * wide + d] - want[d]);
        if (!(error < 1.0))
          return error;
        worst = std::max(worst, error);
      }
    }
    return worst;
  }
};

} // namespace troupe
