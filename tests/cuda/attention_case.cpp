#include "tests/cuda/attention_case.hpp"

#include <algorithm>
#include <numeric>

namespace troupe::cuda {

namespace {

int32_t pages_in_all(const std::vector<int32_t>& positions) {
  int32_t out = 0;
  for (int32_t position : positions)
    out += pages_of(position + 1);
  return out + 3; // and some that nobody uses
}

size_t as_size(int32_t value) {
  return static_cast<size_t>(value);
}

} // namespace

attention_case::attention_case(attention_shape shape, std::vector<int32_t> positions, uint32_t seed)
    : shape_(shape), positions_(std::move(positions)),
      table_stride_(pages_of(*std::max_element(positions_.begin(), positions_.end()) + 1)),
      device_pages_(as_size(pages_in_all(positions_)) *
                    static_cast<size_t>(kv_page_elements(shape.kv_heads, shape.head_dim))) {
  std::mt19937 random(seed);
  qkv_ = random_bf16(positions_.size() * row_elements(), 1.0, random);
  int32_t last = *std::max_element(positions_.begin(), positions_.end());
  for (int32_t p = 0; p <= last; ++p)
    for (int32_t i = 0; i < shape_.head_dim / 2; ++i) {
      double angle = p * std::pow(10000.0, -2.0 * i / shape_.head_dim);
      rope_.push_back(static_cast<float>(std::cos(angle)));
      rope_.push_back(static_cast<float>(std::sin(angle)));
    }
  std::vector<int32_t> order(as_size(pages_in_all(positions_)));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  page_values_.assign(device_pages_.size(), bf16{0xffff}); // NaN wherever no earlier token wrote
  tables_.assign(positions_.size() * as_size(table_stride_), 1 << 28);
  auto next = order.begin();
  for (size_t s = 0; s < positions_.size(); ++s) {
    for (int32_t p = 0; p < pages_of(positions_[s] + 1); ++p)
      tables_[s * as_size(table_stride_) + as_size(p)] = *next++;
    for (int32_t p = 0; p < positions_[s]; ++p)
      for (int32_t h = 0; h < shape_.kv_heads; ++h) {
        auto keys = random_bf16(as_size(shape_.head_dim) * 2, 1.0, random);
        auto half = keys.begin() + shape_.head_dim;
        auto at = page_values_.begin() + static_cast<std::ptrdiff_t>(key_at(s, p, h));
        std::copy(keys.begin(), half, at);
        std::copy(half, keys.end(), at + static_cast<std::ptrdiff_t>(value_offset()));
      }
  }
}

size_t attention_case::row_elements() const {
  return as_size((shape_.heads + 2 * shape_.kv_heads) * shape_.head_dim);
}

size_t attention_case::value_offset() const {
  return as_size(shape_.kv_heads * page_tokens * shape_.head_dim);
}

size_t attention_case::key_at(size_t sequence, int32_t position, int32_t kv_head) const {
  auto page = as_size(tables_[sequence * as_size(table_stride_) + as_size(position / page_tokens)]);
  return page * 2 * value_offset() +
         as_size((kv_head * page_tokens + position % page_tokens) * shape_.head_dim);
}

double attention_case::rotated(size_t sequence, int32_t head, int32_t i) const {
  const bf16* row = qkv_.data() + sequence * row_elements() + as_size(head * shape_.head_dim);
  const float* angle = rope_.data() + as_size(positions_[sequence] * shape_.head_dim + i / 2 * 2);
  double x = widen(row[i]), other = widen(row[i ^ 1]);
  return troupe::cuda::rounded(x * static_cast<double>(angle[0]) +
                               (i % 2 == 0 ? -other : other) * static_cast<double>(angle[1]));
}

double attention_case::value(size_t sequence, int32_t kv_head, int32_t i) const {
  int32_t head = shape_.heads + shape_.kv_heads + kv_head;
  return widen(qkv_[sequence * row_elements() + as_size(head * shape_.head_dim + i)]);
}

std::vector<bf16> attention_case::run(size_t first, size_t count, int32_t context_max) {
  expect_ok(cudaMemcpy(device_pages_.get(), page_values_.data(), page_values_.size() * sizeof(bf16),
                       cudaMemcpyHostToDevice));
  device_array<bf16> qkv(qkv_), output(count * as_size(shape_.heads * shape_.head_dim));
  device_array<float> rope(rope_);
  device_array<int32_t> positions(positions_), tables(tables_);
  auto sequences = static_cast<int32_t>(count);
  device_array<float> partials(
      decode_attention_partial_bytes(sequences, shape_.heads, shape_.head_dim, context_max) / sizeof(float));
  device_array<uint32_t> counters(count * as_size(shape_.kv_heads));
  counters.fill(0);
  decode_attention_params p{};
  p.qkv = qkv.get() + first * row_elements();
  p.rope_table = rope.get();
  p.positions = positions.get() + first;
  p.block_tables = tables.get() + first * as_size(table_stride_);
  p.pages = {device_pages_.get(), kv_page_elements(shape_.kv_heads, shape_.head_dim), shape_.kv_heads,
             shape_.head_dim};
  p.output = output.get();
  p.partials = partials.get();
  p.counters = counters.get();
  p.sequences = sequences;
  p.heads = shape_.heads;
  p.table_stride = table_stride_;
  p.table_positions = std::max(context_max, static_cast<int32_t>(rope_.size()) / shape_.head_dim);
  p.context_max = context_max;
  p.scale = 1.0f / std::sqrt(static_cast<float>(shape_.head_dim));
  TROUPE_CHECK(decode_attention(p, {}) == launch_status::ok, last_mismatch().name);
  auto left = counters.read();
  TROUPE_CHECK(std::all_of(left.begin(), left.end(), [](uint32_t c) { return c == 0; }),
               "counters are left zero");
  return output.read();
}

std::vector<double> attention_case::expect(size_t sequence) const {
  std::vector<double> out;
  int32_t dim = shape_.head_dim, position = positions_[sequence];
  double scale = 1 / std::sqrt(static_cast<double>(dim));
  for (int32_t h = 0; h < shape_.heads; ++h) {
    int32_t kv_head = h / (shape_.heads / shape_.kv_heads);
    std::vector<double> q, scores, sum(as_size(dim), 0.0);
    for (int32_t i = 0; i < dim; ++i)
      q.push_back(rotated(sequence, h, i));
    for (int32_t p = 0; p <= position; ++p) {
      double score = 0;
      for (int32_t i = 0; i < dim; ++i)
        score +=
            q[as_size(i)] * (p == position ? rotated(sequence, shape_.heads + kv_head, i)
                                           : widen(page_values_[key_at(sequence, p, kv_head) + as_size(i)]));
      scores.push_back(score * scale);
    }
    double top = *std::max_element(scores.begin(), scores.end()), total = 0;
    for (int32_t p = 0; p <= position; ++p) {
      double weight = std::exp(scores[as_size(p)] - top);
      total += weight;
      for (int32_t i = 0; i < dim; ++i)
        sum[as_size(i)] +=
            weight * (p == position
                          ? value(sequence, kv_head, i)
                          : widen(page_values_[key_at(sequence, p, kv_head) + value_offset() + as_size(i)]));
    }
    for (double s : sum)
      out.push_back(s / total);
  }
  return out;
}

} // namespace troupe::cuda
