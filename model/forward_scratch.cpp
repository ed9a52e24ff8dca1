#include "model/forward_scratch.hpp"

#include "base/check.hpp"
#include "kernels/cpu/packed_matrix.hpp"

#include <algorithm>

namespace troupe {

namespace {

aligned_buffer floats(int32_t rows, int32_t columns) {
  return aligned_buffer(static_cast<size_t>(rows) * static_cast<size_t>(columns) * sizeof(float));
}

} // namespace

forward_scratch::forward_scratch(const model_shape& shape, int32_t tokens_max)
    : shape_(shape), tokens_max_(tokens_max) {
  TROUPE_CHECK(tokens_max >= 1, "a step has at least one token");
  const auto t = tokens_max;
  residual_ = floats(t, shape.hidden);
  normed_ = floats(t, shape.hidden);
  query_ = floats(t, shape.query_width());
  key_ = floats(t, shape.kv_width());
  value_ = floats(t, shape.kv_width());
  mixed_ = floats(t, shape.query_width());
  gate_ = floats(t, shape.feed_forward);
  up_ = floats(t, shape.feed_forward);
  const auto widest = std::max({shape.hidden, shape.query_width(), shape.feed_forward});
  const auto blocks = (widest + block_columns - 1) / block_columns;
  codes_ = aligned_buffer(static_cast<size_t>(t) * static_cast<size_t>(blocks) * code_block_bytes);
  scales_ = floats(t, blocks);
  sums_ = floats(t, blocks);
  totals_ = floats(t, blocks);
  first_totals_ = floats(t, blocks);
  positions_.resize(static_cast<size_t>(t));
}

size_t forward_scratch::bytes() const {
  size_t sum = positions_.size() * sizeof(int32_t);
  for (const auto* buffer : {&residual_, &normed_, &query_, &key_, &value_, &mixed_, &gate_, &up_})
    sum += buffer->size(); // activations
  for (const auto* buffer : {&codes_, &scales_, &sums_, &totals_, &first_totals_})
    sum += buffer->size(); // quantized activations
  return sum;
}

bool forward_scratch::fits(const model_shape& shape) const {
  return shape.hidden == shape_.hidden && shape.heads == shape_.heads && shape.kv_heads == shape_.kv_heads &&
         shape.head_dim == shape_.head_dim && shape.feed_forward == shape_.feed_forward;
}

quantized_rows forward_scratch::codes(int32_t tokens) {
  return {codes_.as<int8_t>(),   scales_.as<float>(),         sums_.as<float>(),
          totals_.as<int32_t>(), first_totals_.as<int32_t>(), tokens};
}

} // namespace troupe
