#pragma once

#include "kernels/cuda/decode_attention.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

namespace troupe::cuda {

struct attention_shape {
  int32_t heads, kv_heads, head_dim;
};

/// Sequences with full pages of random keys and values, one new token each, and what float64 says of it.
class attention_case {
public:
  attention_case(attention_shape shape, std::vector<int32_t> positions, uint32_t seed);

  /// On the card: sequences [first, first + count), from a fresh copy of the pages. [count, heads * head_dim]
  std::vector<bf16> run(size_t first, size_t count, int32_t context_max);

  /// In float64, from bf16 queries and keys as the definition has them: [heads * head_dim] of one sequence.
  std::vector<double> expect(size_t sequence) const;

  /// The pages after the last run.
  std::vector<bf16> pages() const { return device_pages_.read(); }

  /// Where the key of a position is in pages().
  size_t key_at(size_t sequence, int32_t position, int32_t kv_head) const;

  /// Element `i` of the new token's head (0: first query), rotated and rounded.
  double rotated(size_t sequence, int32_t head, int32_t i) const;

  double value(size_t sequence, int32_t kv_head, int32_t i) const;
  size_t value_offset() const;

private:
  size_t row_elements() const;

  attention_shape shape_;
  std::vector<int32_t> positions_;
  int32_t table_stride_;
  std::vector<bf16> qkv_, page_values_;
  std::vector<float> rope_;
  std::vector<int32_t> tables_;
  device_array<bf16> device_pages_;
};

} // namespace troupe::cuda
