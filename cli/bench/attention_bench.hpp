#pragma once

#include "base/attention_window.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "kernels/cpu/attention.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>
#include <vector>

namespace troupe {

struct attention_bench_options {
  int32_t tokens = 16'384; // of the sequence
  int32_t heads = 9, kv_heads = 3, head_dim = 64;
  int32_t step_tokens = 512; // prefill is cut into steps of this
};

/// Attention of one layer over one sequence of random keys: nothing else of a model.
class attention_bench {
public:
  attention_bench(const attention_bench_options&, const cpu_stream&, const time_source&);

  /// Writes the keys and values of all positions. Errors: shape_mismatch.
  status fill();

  /// Microseconds of attention for all positions, step by step as a prefill computes them.
  result<double> prefill_us(attention_window window);

  /// Microseconds of one token's attention at the last position: the mean of `repeats`.
  result<double> decode_us(attention_window window, int32_t repeats);

  /// Bytes of keys and values in the pages that the last position's query sees, all heads together.
  size_t decode_bytes(attention_window window) const {
    return visible_pages(options_.tokens - 1, window) * page_bytes();
  }

  /// The same, summed over the queries of all positions.
  size_t prefill_bytes(attention_window window) const;

private:
  size_t page_bytes() const { return page_layout{options_.kv_heads, options_.head_dim}.layer_bytes(); }
  static size_t visible_pages(int32_t position, attention_window window);
  status attend(int32_t position, int32_t tokens, attention_window window);

  attention_bench_options options_;
  const cpu_stream& stream_;
  const time_source& clock_;
  std::vector<page_id> table_;
  aligned_buffer pages_, query_, output_; // query and output [step_tokens, heads * head_dim] fp32
};

} // namespace troupe
