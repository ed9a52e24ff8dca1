#pragma once

#include "kernels/cpu/aligned_buffer.hpp"
#include "model/model_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

/// The buffers of one forward pass, allocated once. One pass at a time may use them.
/// T is tokens_max, rows of fp32 unless said otherwise.
class forward_scratch {
public:
  /// tokens_max: tokens of one step over all its sequences, at least 1.
  forward_scratch(const model_shape& shape, int32_t tokens_max);

  const model_shape& shape() const { return shape_; }
  int32_t tokens_max() const { return tokens_max_; }
  size_t bytes() const;

  aligned_buffer residual;    // [T, hidden]
  aligned_buffer normed;      // [T, hidden]
  aligned_buffer query;       // [T, heads * head_dim]
  aligned_buffer key;         // [T, kv_heads * head_dim]
  aligned_buffer value;       // [T, kv_heads * head_dim]
  aligned_buffer mixed;       // [T, heads * head_dim], attention's output
  aligned_buffer gate;        // [T, feed_forward]
  aligned_buffer up;          // [T, feed_forward]
  aligned_buffer codes;       // int8 [T, widest input]
  aligned_buffer code_scales; // [T, widest input / 32], then two more arrays like it
  aligned_buffer partials;    // attention's key splits of few queries, see kernels/cpu/attention.hpp
  std::vector<int32_t> positions; // [T]

private:
  model_shape shape_;
  int32_t tokens_max_;
};

} // namespace troupe
