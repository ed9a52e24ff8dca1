#include "kernels/cuda/rope_append.hpp"
#include "tests/cuda/attention_case.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::cuda;

namespace {

const std::vector<int32_t> awkward_positions{0, 18, 62, 63, 64, 98, 499, 575, 988, 4095};

/// ||out - expected|| / ||expected||; NaN stays NaN.
double relative_error(const bf16* out, const std::vector<double>& expected) {
  double error = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(widen(out[i]) - expected[i], 2);
    size += expected[i] * expected[i];
  }
  return std::sqrt(error / size);
}

} // namespace

TEST_CASE("decode attention agrees with float64, and writes the new key and value alone") {
  for (attention_shape shape :
       {attention_shape{32, 8, 128}, attention_shape{9, 3, 64}, attention_shape{14, 2, 64},
        attention_shape{4, 1, 256}, attention_shape{16, 1, 128}, attention_shape{28, 4, 128}}) {
    attention_case c(shape, awkward_positions, 31);
    c.run(0, awkward_positions.size(), 4096);
    auto before = c.pages();
    auto out = c.run(0, awkward_positions.size(), 4096);
    auto pages = c.pages();
    auto row = static_cast<size_t>(shape.heads * shape.head_dim);
    for (size_t s = 0; s < awkward_positions.size(); ++s) {
      CAPTURE(shape.heads, shape.kv_heads, shape.head_dim, awkward_positions[s]);
      // bf16 probabilities and one bf16 rounding of the result: each half an ulp, 2^-9 at most, less on
      // average.
      CHECK(relative_error(out.data() + s * row, c.expect(s)) <= 0x1p-8);
      double worst_key = 0;
      int wrong_values = 0;
      for (int32_t h = 0; h < shape.kv_heads; ++h)
        for (int32_t i = 0; i < shape.head_dim; ++i) {
          size_t at = c.key_at(s, awkward_positions[s], h) + static_cast<size_t>(i);
          double want = c.rotated(s, shape.heads + h, i);
          double error = std::abs(widen(pages[at]) - want) / (std::abs(want) * 2 * bf16_half_ulp + 1e-6);
          worst_key = error <= worst_key ? worst_key : error; // a tie may round the other way
          wrong_values += widen(pages[at + c.value_offset()]) == c.value(s, h, i) ? 0 : 1;
        }
      CHECK(worst_key <= 1);
      CHECK(wrong_values == 0);
    }
    CHECK(count_different(before.data(), pages.data(), pages.size()) == 0);
  }
}

TEST_CASE("a sequence's attention depends neither on its batch nor on the grid") {
  attention_shape shape{32, 8, 128};
  std::vector<int32_t> positions{511, 18, 988, 63, 64, 511, 0, 300, 4095, 575, 99, 127, 128, 500, 1, 2047};
  attention_case c(shape, positions, 32);
  auto together = c.run(0, positions.size(), 4096);
  auto row = static_cast<size_t>(shape.heads * shape.head_dim);
  for (size_t s = 0; s < positions.size(); ++s) {
    auto alone = c.run(s, 1, positions[s] + 1);
    CAPTURE(s, positions[s]);
    CHECK(count_different(alone.data(), together.data() + s * row, row) == 0);
  }
  auto again = c.run(3, 9, 4096);
  CHECK(count_different(again.data(), together.data() + 3 * row, again.size()) == 0);
}

TEST_CASE("rope_append rotates queries in place and fills the pages") {
  std::mt19937 random(33);
  for (attention_shape shape :
       {attention_shape{32, 8, 128}, attention_shape{9, 3, 64}, attention_shape{1, 1, 8}}) {
    constexpr int32_t tokens = 99, first_position = 7, stride = 7;
    int32_t dim = shape.head_dim, heads = shape.heads + 2 * shape.kv_heads;
    auto qkv = random_bf16(static_cast<size_t>(tokens * heads * dim), 1.0, random);
    auto rope = random_float(static_cast<size_t>((tokens + first_position) * dim), 1.0, random);
    std::vector<int32_t> positions, sequences(tokens, 1),
        tables{-1, -1, -1, -1, -1, -1, -1, 3, 0, 6, 2, 1, 5, 4};
    for (int32_t t = 0; t < tokens; ++t)
      positions.push_back(first_position + t);
    device_array<bf16> rows(qkv), pages(static_cast<size_t>(7 * kv_page_elements(shape.kv_heads, dim)));
    device_array<float> angles(rope);
    device_array<int32_t> position(positions), sequence(sequences), table(tables);
    REQUIRE(rope_append({rows.get(),
                         angles.get(),
                         position.get(),
                         sequence.get(),
                         table.get(),
                         {pages.get(), kv_page_elements(shape.kv_heads, dim), shape.kv_heads, dim},
                         tokens,
                         shape.heads,
                         stride,
                         tokens + first_position},
                        {}) == launch_status::ok);
    auto out = rows.read(), filled = pages.read();
    double worst = 0;
    int64_t written = std::count_if(filled.begin(), filled.end(), [](bf16 v) { return v.bits != 0xffff; });
    CHECK(written == int64_t(2) * tokens * shape.kv_heads * dim);
    for (int32_t t = 0; t < tokens; ++t)
      for (int32_t h = 0; h < heads; ++h)
        for (int32_t i = 0; i < dim; ++i) {
          const bf16* head = qkv.data() + (t * heads + h) * dim;
          const float* angle = rope.data() + (first_position + t) * dim + i / 2 * 2;
          double x = widen(head[i]), other = widen(head[i ^ 1]) * (i % 2 == 0 ? -1 : 1);
          bool is_value = h >= shape.heads + shape.kv_heads;
          double want =
              is_value ? x : x * static_cast<double>(angle[0]) + other * static_cast<double>(angle[1]);
          double size =
              std::abs(x * static_cast<double>(angle[0])) + std::abs(other * static_cast<double>(angle[1]));
          int32_t page = tables[static_cast<size_t>(stride + (first_position + t) / page_tokens)];
          int32_t kv_head = (h - shape.heads) % shape.kv_heads, slot = (first_position + t) % page_tokens;
          auto at = static_cast<size_t>(
              page * kv_page_elements(shape.kv_heads, dim) +
              (((is_value ? shape.kv_heads : 0) + kv_head) * page_tokens + slot) * dim + i);
          double got =
              widen(h < shape.heads ? out[static_cast<size_t>((t * heads + h) * dim + i)] : filled[at]);
          double error = std::abs(got - want) / (std::abs(want) * bf16_half_ulp + size * 0x1p-22 + 1e-30);
          worst = error <= worst ? worst : error;
        }
    CAPTURE(shape.heads, shape.head_dim);
    CHECK(worst <= 1);
  }
}
