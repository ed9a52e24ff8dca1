#pragma once

#include "kernels/cpu/aligned_buffer.hpp"
#include "kernels/cpu/quantize_rows.hpp"
#include "model/model_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

/// The buffers of one forward pass, allocated once. One pass at a time may use them.
/// T is tokens_max; rows are fp32.
class forward_scratch {
public:
  /// tokens_max: tokens of one step over all its sequences, at least 1.
  forward_scratch(const model_shape& shape, int32_t tokens_max);

  int32_t tokens_max() const { return tokens_max_; }
  size_t bytes() const;

  /// True for a model of the same sizes; only the context length may differ.
  bool fits(const model_shape& shape) const;

  float* residual() { return residual_.as<float>(); }      // [T, hidden]
  float* normed() { return normed_.as<float>(); }          // [T, hidden]
  float* query() { return query_.as<float>(); }            // [T, heads * head_dim]
  float* key() { return key_.as<float>(); }                // [T, kv_heads * head_dim]
  float* value() { return value_.as<float>(); }            // [T, kv_heads * head_dim]
  float* mixed() { return mixed_.as<float>(); }            // [T, heads * head_dim], attention's output
  float* gate() { return gate_.as<float>(); }              // [T, feed_forward]
  float* up() { return up_.as<float>(); }                  // [T, feed_forward]
  quantized_rows codes(int32_t tokens);                    // of the widest input of a product; stride: tokens
  std::vector<int32_t>& positions() { return positions_; } // [T]

private:
  model_shape shape_;
  int32_t tokens_max_;
  aligned_buffer residual_, normed_, query_, key_, value_, mixed_, gate_, up_;
  aligned_buffer codes_, scales_, sums_, totals_, first_totals_;
  std::vector<int32_t> positions_;
};

} // namespace troupe
