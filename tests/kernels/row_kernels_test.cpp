#include "kernels/cpu/add_rows.hpp"
#include "kernels/cpu/gated_multiply.hpp"
#include "kernels/cpu/quantize_rows.hpp"
#include "kernels/cpu/rms_norm.hpp"
#include "kernels/cpu/rope.hpp"
#include "tests/kernels/kernel_test.hpp"
#include "tests/reference/random_values.hpp"

#include <cmath>

using namespace troupe;
using reference::random_values;

namespace {

size_t area(int32_t a, int32_t b) {
  return static_cast<size_t>(a) * static_cast<size_t>(b);
}

/// Everything that quantize_rows writes.
struct quantized {
  std::vector<int8_t> codes;
  std::vector<float> scales, sums;
  std::vector<int32_t> totals, first_totals;
  int32_t tokens;

  quantized(int32_t tokens_, int32_t columns)
      : codes(2 * area(tokens_, columns), 99), scales(poisoned(area(tokens_, columns / 32))), sums(scales),
        totals(scales.size(), 123456), first_totals(scales.size(), 123456), tokens(tokens_) {}
  quantized_rows view() {
    return {codes.data(), scales.data(), sums.data(), totals.data(), first_totals.data(), tokens};
  }
};

quantized quantize_on(const cpu_stream& stream, const std::vector<float>& input, int32_t tokens,
                      int32_t columns) {
  quantized out(tokens, columns);
  REQUIRE(quantize_rows({input.data(), out.view(), tokens, columns}, stream));
  return out;
}

} // namespace

TEST_CASE("rms_norm against float64", "[rms_norm]") {
  random_values random(1);
  for (int32_t hidden : {1, 19, 99, 500, 576})
    for (int32_t tokens : {1, 19}) {
      const auto input = random.normals(area(tokens, hidden), 3.0),
                 weight = random.normals(area(1, hidden), 1.0);
      const auto out = on_every_path([&](const cpu_stream& stream) {
        auto result = poisoned(input.size());
        REQUIRE(rms_norm({input.data(), weight.data(), result.data(), tokens, hidden, 1e-5f}, stream));
        return result;
      });
      const auto wide = static_cast<size_t>(hidden);
      double worst = 0.0;
      for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
        double sum = 0.0;
        for (size_t k = 0; k < wide; ++k)
          sum += static_cast<double>(input[t * wide + k]) * input[t * wide + k];
        const double factor = 1.0 / std::sqrt(sum / hidden + 1e-5f);
        for (size_t k = 0; k < wide; ++k) {
          const double want = input[t * wide + k] * factor * weight[k];
          worst = std::max(worst, std::abs(out[t * wide + k] - want) / (std::abs(want) + 1e-30));
        }
      }
      CHECK(worst < 1e-6);
    }
}

TEST_CASE("rms_norm in place and with wrong shapes", "[rms_norm]") {
  thread_pool one(1);
  const cpu_stream stream{detect_instruction_set(), one};
  std::vector<float> x{3.0f, 4.0f}, w{1.0f, 1.0f};
  REQUIRE(rms_norm({x.data(), w.data(), x.data(), 1, 2, 1e-5f}, stream));
  CHECK(x[0] == Approx(3.0 / std::sqrt(12.5)));
  const auto refused = rms_norm({x.data(), w.data(), x.data(), 1, 0, 1e-5f}, stream);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "hidden: expected 1 or more, got 0");
  CHECK_FALSE(rms_norm({nullptr, w.data(), x.data(), 1, 2, 1e-5f}, stream));
}

TEST_CASE("quantize_rows keeps within half a step, and all paths agree", "[quantize_rows]") {
  random_values random(2);
  thread_pool one(1), two(2);
  for (int32_t columns : {32, 96, 576})
    for (int32_t tokens : {1, 19}) {
      auto input = random.normals(area(tokens, columns), 2.0);
      input[5] = 0.0f;
      const auto expected = quantize_on({instruction_set::portable, one}, input, tokens, columns);
      const auto wide = static_cast<size_t>(columns), count = static_cast<size_t>(tokens);
      for (size_t i = 0; i < input.size(); ++i) {
        const size_t block = i % wide / 32 * count + i / wide;
        const double step = expected.scales[block];
        CHECK(std::abs(input[i] - step * code_at(expected.codes, block, i % 32)) <= step * 0.501);
      }
      for (size_t b = 0; b < expected.scales.size(); ++b) {
        int32_t total = 0, first = 0;
        for (size_t i = 0; i < 32; ++i) {
          total += code_at(expected.codes, b, i);
          first += i < 16 ? code_at(expected.codes, b, i) : 0;
        }
        CHECK(expected.totals[b] == total);
        CHECK(expected.first_totals[b] == first);
        CHECK(expected.sums[b] == expected.scales[b] * static_cast<float>(total));
      }
      for (auto isa : available_instruction_sets()) {
        const auto got = quantize_on({isa, two}, input, tokens, columns);
        CHECK(got.codes == expected.codes);
        CHECK(got.totals == expected.totals);
        CHECK(got.first_totals == expected.first_totals);
        CHECK(same_bits(got.scales, expected.scales));
        CHECK(same_bits(got.sums, expected.sums));
      }
    }
}

TEST_CASE("quantize_rows at the edges of fp32", "[quantize_rows]") {
  thread_pool one(1);
  for (auto isa : available_instruction_sets()) {
    std::vector<float> input(32 * 5, 0.0f);
    input[32] = 1e-35f;       // too small to divide by
    input[64 + 3] = -3.4e38f; // the largest magnitude is negative
    input[96 + 7] = -std::numeric_limits<float>::infinity();
    input[128 + 31] = std::numeric_limits<float>::quiet_NaN();
    input[128] = 1.0f;
    const auto out = quantize_on({isa, one}, input, 1, 160);
    CHECK(out.scales[0] == 0.0f);
    CHECK(out.scales[1] == 0.0f);
    CHECK(code_at(out.codes, 2, 3) == -2032);
    CHECK(std::isnan(out.scales[3]));
    CHECK(std::isnan(out.scales[4]));
    CHECK(code_at(out.codes, 4, 0) == 0);
  }
  const std::vector<float> ties{0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2032.0f, 7.5f, -8.5f, 23.5f};
  std::vector<float> input(32, 0.0f);
  std::copy(ties.begin(), ties.end(), input.begin());
  const auto out = quantize_on({instruction_set::portable, one}, input, 1, 32);
  const std::vector<int> expected{0, 2, 2, 0, -2, 2032, 8, -8, 24};
  for (size_t i = 0; i < expected.size(); ++i) {
    CHECK(code_at(out.codes, 0, i) == expected[i]);
    CHECK(out.codes[i + 32] >= -8);
    CHECK(out.codes[i + 32] <= 7);
  }
}

TEST_CASE("quantize_rows wants whole blocks", "[quantize_rows]") {
  thread_pool one(1);
  quantized out(1, 64);
  std::vector<float> input(64);
  const auto refused = quantize_rows({input.data(), out.view(), 1, 33}, {instruction_set::portable, one});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "columns: expected a multiple of 32, got 33");
}

TEST_CASE("rope against float64", "[rope]") {
  random_values random(3);
  for (int32_t head_dim : {16, 64, 80}) {
    const int32_t heads = 3, tokens = 19, table_positions = 600;
    const auto table = make_rope_table(table_positions, head_dim, 100'000.0);
    std::vector<int32_t> positions(tokens);
    for (auto& position : positions)
      position = random.below(table_positions);
    const auto input = random.normals(area(tokens, heads * head_dim), 2.0);
    const auto out = on_every_path([&](const cpu_stream& stream) {
      auto rows = input;
      REQUIRE(
          rope({rows.data(), positions.data(), table.as<float>(), tokens, heads, head_dim, table_positions},
               stream));
      return rows;
    });
    double worst = 0.0;
    for (size_t i = 0; i < out.size(); i += 2) {
      const auto pair = static_cast<double>(i % static_cast<size_t>(head_dim) / 2);
      const auto position = positions[i / area(heads, head_dim)];
      const double angle = position * std::pow(100'000.0, -2.0 * pair / head_dim);
      worst =
          std::max(worst, std::abs(out[i] - (input[i] * std::cos(angle) - input[i + 1] * std::sin(angle))));
      worst = std::max(worst,
                       std::abs(out[i + 1] - (input[i + 1] * std::cos(angle) + input[i] * std::sin(angle))));
    }
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("rope refuses positions outside its table", "[rope]") {
  thread_pool one(1);
  const auto table = make_rope_table(10, 16, 10'000.0);
  std::vector<float> rows(16);
  for (int32_t position : {-1, 10}) {
    const auto refused =
        rope({rows.data(), &position, table.as<float>(), 1, 1, 16, 10}, {instruction_set::portable, one});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(kernel_error::shape_mismatch));
  }
}

TEST_CASE("silu_multiply against float64, from far below zero to far above", "[silu_multiply]") {
  random_values random(4);
  for (int32_t width : {1, 19, 99, 500, 1536})
    for (int32_t tokens : {1, 19}) {
      auto gate = random.normals(area(tokens, width), 6.0), up = random.normals(area(tokens, width), 1.0);
      for (size_t i = 0; i < gate.size(); i += 7)
        gate[i] *= 10.0f;
      const auto out = on_every_path([&](const cpu_stream& stream) {
        auto result = poisoned(gate.size());
        REQUIRE(silu_multiply({gate.data(), up.data(), result.data(), tokens, width}, stream));
        return result;
      });
      double worst = 0.0;
      for (size_t i = 0; i < out.size(); ++i) {
        const double want = gate[i] / (1.0 + std::exp(-static_cast<double>(gate[i]))) * up[i];
        worst = std::max(worst, std::abs(out[i] - want) / (std::abs(want) + 1e-28)); // exp stops at e^88
      }
      CHECK(worst < 1e-6);
    }
}

TEST_CASE("silu_multiply at the ends", "[silu_multiply]") {
  const std::vector<float> gate{
      -1e30f, -90.0f, -0.0f, 0.0f, 90.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> up(gate.size(), 1.0f);
  thread_pool one(1);
  for (auto isa : available_instruction_sets()) {
    auto out = poisoned(gate.size());
    REQUIRE(silu_multiply({gate.data(), up.data(), out.data(), 1, 7}, {isa, one}));
    CHECK(std::abs(out[1]) < 1e-35f);
    CHECK(out[3] == 0.0f);
    CHECK(out[4] == 90.0f);
    CHECK(out[5] == 1e30f);
    CHECK(std::isnan(out[6]));
  }
}

TEST_CASE("gelu_multiply against float64, from far below zero to far above", "[gelu_multiply]") {
  random_values random(5);
  for (int32_t width : {1, 19, 99, 500, 1536})
    for (int32_t tokens : {1, 19}) {
      auto gate = random.normals(area(tokens, width), 2.0), up = random.normals(area(tokens, width), 1.0);
      for (size_t i = 0; i < gate.size(); i += 7)
        gate[i] *= 10.0f;
      const auto out = on_every_path([&](const cpu_stream& stream) {
        auto result = poisoned(gate.size());
        REQUIRE(gelu_multiply({gate.data(), up.data(), result.data(), tokens, width}, stream));
        return result;
      });
      double worst = 0.0;
      for (size_t i = 0; i < out.size(); ++i) {
        const double x = gate[i], u = std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
        const double want = x / (1.0 + std::exp(-2.0 * u)) * up[i];
        // The exponent is a product of fp32 numbers: its error grows with its size.
        worst = std::max(worst, std::abs(out[i] - want) / (std::abs(want) * (1.0 + std::abs(u)) + 1e-28));
      }
      CHECK(worst < 1e-6);
    }
}

TEST_CASE("gelu_multiply at the ends", "[gelu_multiply]") {
  const std::vector<float> gate{-1e30f, -20.0f, 0.0f, 20.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> up(gate.size(), 1.0f);
  const auto out = on_every_path([&](const cpu_stream& stream) {
    auto result = poisoned(gate.size());
    REQUIRE(gelu_multiply({gate.data(), up.data(), result.data(), 1, 6}, stream));
    return result;
  });
  CHECK(std::abs(out[0]) < 1e-7f);
  CHECK(std::abs(out[1]) < 1e-35f);
  CHECK(out[2] == 0.0f);
  CHECK(out[3] == 20.0f);
  CHECK(out[4] == 1e30f);
  CHECK(std::isnan(out[5]));
}

TEST_CASE("add_rows adds, and checks its shapes", "[add_rows]") {
  random_values random(6);
  const auto input = random.normals(area(19, 99), 1.0), before = random.normals(area(19, 99), 1.0);
  const auto out = on_every_path([&](const cpu_stream& stream) {
    auto result = before;
    REQUIRE(add_rows({input.data(), result.data(), 19, 99}, stream));
    return result;
  });
  bool added = true;
  for (size_t i = 0; i < out.size(); ++i)
    added = added && out[i] == before[i] + input[i];
  CHECK(added);
  thread_pool one(1);
  CHECK_FALSE(add_rows({nullptr, nullptr, 1, 1}, {instruction_set::portable, one}));
}
