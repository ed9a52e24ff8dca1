#include "kernels/cuda/prefill_attention.hpp"
#include "kernels/cuda/rope_append.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::cuda;

namespace {

struct model_shape {
  int32_t heads, kv_heads, head_dim;
};

constexpr int32_t positions_max = 704, table_stride = positions_max / page_tokens;

/// Sequences whose new tokens go through prefill or, one at a time, through decode.
class step_case {
public:
  step_case(model_shape shape, std::vector<prefill_slice> slices)
      : shape_(shape), slices_(std::move(slices)) {
    std::mt19937 random(61);
    for (const auto& slice : slices_)
      for (int32_t t = 0; t < slice.tokens; ++t) {
        positions_.push_back(slice.position + t);
        sequences_.push_back(slice.table_row);
      }
    qkv_ = random_bf16(positions_.size() * row_elements(), 1.0, random);
    pages_ = random_bf16(slices_.size() * table_stride * page_elements(), 1.0, random);
    for (size_t i = 0; i < slices_.size() * table_stride; ++i)
      tables_.push_back(static_cast<int32_t>(slices_.size() * table_stride - 1 - i));
    for (int32_t p = 0; p < positions_max; ++p)
      for (int32_t i = 0; i < shape_.head_dim / 2; ++i) {
        double angle = p * std::pow(10000.0, -2.0 * i / shape_.head_dim);
        rope_.push_back(static_cast<float>(std::cos(angle)));
        rope_.push_back(static_cast<float>(std::sin(angle)));
      }
  }

  /// In steps of at most chunk_tokens of each sequence.
  std::vector<bf16> prefill(int32_t chunk_tokens, attention_path path) {
    device_array<bf16> qkv(qkv_), pages(pages_), output(output_elements());
    device_array<float> rope(rope_);
    device_array<int32_t> positions(positions_), sequences(sequences_), tables(tables_);
    for (int32_t done = 0; done < positions_max; done += chunk_tokens) {
      std::vector<prefill_slice> chunk;
      for (const auto& s : slices_)
        if (s.tokens > done) {
          int32_t tokens = std::min(chunk_tokens, s.tokens - done);
          chunk.push_back({s.first_row + done, tokens, s.position + done, s.table_row});
          append(s.first_row + done, tokens, qkv, pages, rope, positions, sequences, tables);
        }
      if (chunk.empty())
        break;
      device_array<prefill_slice> slices(chunk);
      prefill_attention_params p{};
      p.qkv = qkv.get();
      p.slices = slices.get();
      p.block_tables = tables.get();
      p.pages = {pages.get(), static_cast<int64_t>(page_elements()), shape_.kv_heads, shape_.head_dim};
      p.output = output.get();
      p.slice_count = static_cast<int32_t>(chunk.size());
      p.heads = shape_.heads;
      p.table_stride = table_stride;
      p.tokens_max = chunk_tokens;
      p.rows = static_cast<int32_t>(positions_.size());
      p.scale = scale();
      TROUPE_CHECK(prefill_attention(p, {}, path) == launch_status::ok, last_mismatch().name);
      expect_ok(cudaDeviceSynchronize());
    }
    return output.read();
  }

  std::vector<bf16> decode() {
    device_array<bf16> qkv(qkv_), pages(pages_), output(output_elements());
    device_array<float> rope(rope_);
    device_array<int32_t> positions(positions_), tables(tables_);
    device_array<float> partials(
        decode_attention_partial_bytes(1, shape_.heads, shape_.head_dim, positions_max) / sizeof(float));
    device_array<uint32_t> counters(static_cast<size_t>(shape_.kv_heads));
    counters.fill(0);
    for (size_t row = 0; row < positions_.size(); ++row) {
      decode_attention_params p{};
      p.qkv = qkv.get() + row * row_elements();
      p.rope_table = rope.get();
      p.positions = positions.get() + row;
      p.block_tables = tables.get() + sequences_[row] * table_stride;
      p.pages = {pages.get(), static_cast<int64_t>(page_elements()), shape_.kv_heads, shape_.head_dim};
      p.output = output.get() + row * static_cast<size_t>(shape_.heads * shape_.head_dim);
      p.partials = partials.get();
      p.counters = counters.get();
      p.sequences = 1;
      p.heads = shape_.heads;
      p.table_stride = table_stride;
      p.table_positions = positions_max;
      p.context_max = positions_max;
      p.scale = scale();
      // Not overlapping: each token reads the page that the one before it wrote.
      TROUPE_CHECK(decode_attention(p, {nullptr, false}) == launch_status::ok, last_mismatch().name);
    }
    return output.read();
  }

private:
  size_t row_elements() const {
    return static_cast<size_t>((shape_.heads + 2 * shape_.kv_heads) * shape_.head_dim);
  }
  size_t page_elements() const {
    return static_cast<size_t>(kv_page_elements(shape_.kv_heads, shape_.head_dim));
  }
  size_t output_elements() const {
    return positions_.size() * static_cast<size_t>(shape_.heads * shape_.head_dim);
  }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape_.head_dim)); }

  void append(int32_t first_row, int32_t tokens, device_array<bf16>& qkv, device_array<bf16>& pages,
              device_array<float>& rope, device_array<int32_t>& positions, device_array<int32_t>& sequences,
              device_array<int32_t>& tables) {
    rope_append_params p{};
    p.qkv = qkv.get() + static_cast<size_t>(first_row) * row_elements();
    p.rope_table = rope.get();
    p.positions = positions.get() + first_row;
    p.sequences = sequences.get() + first_row;
    p.block_tables = tables.get();
    p.pages = {pages.get(), static_cast<int64_t>(page_elements()), shape_.kv_heads, shape_.head_dim};
    p.tokens = tokens;
    p.heads = shape_.heads;
    p.table_stride = table_stride;
    p.table_positions = positions_max;
    TROUPE_CHECK(rope_append(p, {}) == launch_status::ok, last_mismatch().name);
  }

  model_shape shape_;
  std::vector<prefill_slice> slices_;
  std::vector<int32_t> positions_, sequences_, tables_;
  std::vector<bf16> qkv_, pages_;
  std::vector<float> rope_;
};

} // namespace

TEST_CASE("a token's attention has the same bits through prefill, on any path in any chunking, and through "
          "decode") {
  for (model_shape shape :
       {model_shape{32, 8, 128}, model_shape{9, 3, 64}, model_shape{4, 1, 256}, model_shape{28, 4, 128}}) {
    step_case c(shape,
                {{0, 300, 0, 0}, {300, 1, 37, 1}, {301, 150, 510, 2}, {451, 19, 63, 3}, {470, 130, 127, 4}});
    auto decoded = c.decode();
    for (int32_t chunk_tokens : {704, 128, 100, 19})
      for (auto path : {attention_path::warps, attention_path::warpgroups}) {
        if (path == attention_path::warpgroups && shape.head_dim > 128)
          continue;
        auto prefilled = c.prefill(chunk_tokens, path);
        CAPTURE(shape.heads, shape.kv_heads, shape.head_dim, chunk_tokens, int32_t(path));
        CHECK(count_different(decoded.data(), prefilled.data(), decoded.size()) == 0);
      }
  }
}

TEST_CASE("prefill attention says which path a shape has not") {
  step_case c({4, 1, 256}, {{0, 5, 0, 0}});
  CHECK_THROWS(c.prefill(5, attention_path::warpgroups));
}
