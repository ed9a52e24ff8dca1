#include "kernels/cuda/embed_packed.hpp"
#include "kernels/cuda/quantized_linear.hpp"
#include "tests/cuda/quantized_case.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

using namespace troupe::cuda;

namespace {

constexpr weight_format formats[] = {weight_format::q4_1, weight_format::q4_k, weight_format::q8_0};

/// What a product leaves, in words of 2 bytes, over outputs that start as `before`.
std::vector<uint16_t> words_of(const std::vector<uint16_t>& before,
                               const std::function<launch_status(void*)>& run) {
  device_array<uint16_t> out(before);
  TROUPE_CHECK(run(out.get()) == launch_status::ok, last_mismatch().name);
  return out.read();
}

size_t halves_of(linear_result result, size_t outputs) {
  return result == linear_result::bf16_rows   ? outputs
         : result == linear_result::silu_bf16 ? outputs / 2
                                              : outputs * 2;
}

/// How many 2-byte words of quantized_linear()'s output differ from linear()'s on the dequantized matrix.
int64_t differing(const quantized_case& weight, weight_format format, const device_array<bf16>& dequantized,
                  const device_array<bf16>& input, int32_t tokens, int32_t n, int32_t k, linear_result result,
                  const linear_geometry& geometry = {}) {
  size_t halves = halves_of(result, static_cast<size_t>(tokens) * static_cast<size_t>(n));
  std::vector<uint16_t> before(halves, 0xffff);
  if (result == linear_result::add_to_fp32)
    for (size_t i = 0; i < halves; ++i)
      before[i] = i % 2 == 0 ? static_cast<uint16_t>(i * 7) : static_cast<uint16_t>(0x3f80 + i % 64);
  auto want = words_of(before, [&](void* out) {
    return linear({input.get(), dequantized.get(), out, tokens, n, k, result}, {});
  });
  auto got = words_of(before, [&](void* out) {
    return quantized_linear({input.get(), weight.packed(), out, tokens, n, k, result, format}, {}, geometry);
  });
  int64_t different = 0;
  for (size_t i = 0; i < halves; ++i)
    different += want[i] == got[i] ? 0 : 1;
  return different;
}

} // namespace

TEST_CASE("dequantized weights are the file's values, rounded once to bf16") {
  std::mt19937 random(71);
  for (auto format : formats)
    for (int32_t n : {8, 24, 576, 984})
      for (int32_t k : {256, 768, 4096}) {
        quantized_case weight(format, n, k, 0.02, random);
        auto out = weight.dequantized();
        double worst = 0;
        for (size_t i = 0; i < out.size(); ++i) {
          double want = weight.values()[i];
          double allowed = std::abs(want) * bf16_half_ulp + weight.steps()[i] * 0x1p-15 + 1e-30;
          double error = std::abs(widen(out[i]) - want) / allowed;
          worst = error <= worst ? worst : error; // NaN stays
        }
        CAPTURE(int32_t(format), n, k);
        CHECK(worst <= 1);
      }
}

TEST_CASE("a packed weight's product has the bits of its dequantized matrix's") {
  std::mt19937 random(72);
  for (auto format : formats)
    for (auto [n, k] : {std::pair{8, 256}, std::pair{16, 512}, std::pair{576, 768}, std::pair{4096, 4096},
                        std::pair{1024, 14336}, std::pair{40000, 256}, std::pair{944, 2304}}) {
      quantized_case weight(format, n, k, 0.02, random);
      device_array<bf16> dequantized(weight.dequantized());
      device_array<bf16> input(random_bf16(size_t(64) * static_cast<size_t>(k), 1.0, random));
      for (int32_t tokens : {1, 3, 8, 9, 16, 19, 33, 64})
        for (auto result : {linear_result::bf16_rows, linear_result::fp32_rows, linear_result::add_to_fp32,
                            linear_result::silu_bf16}) {
          if (result == linear_result::silu_bf16 && n % 16 != 0)
            continue;
          CAPTURE(int32_t(format), n, k, tokens, int32_t(result));
          CHECK(differing(weight, format, dequantized, input, tokens, n, k, result) == 0);
        }
      for (linear_geometry geometry : {linear_geometry{16, 0}, linear_geometry{48, 64 * 1024},
                                       linear_geometry{128, 100 * 1024}, linear_geometry{256, 220 * 1024}}) {
        CAPTURE(int32_t(format), n, k, geometry.tile_rows);
        CHECK(differing(weight, format, dequantized, input, 5, n, k, linear_result::fp32_rows, geometry) ==
              0);
      }
    }
}

TEST_CASE("columns that fill no cell are multiplied too, and those past them are not") {
  std::mt19937 random(73);
  for (auto format : {weight_format::q4_1, weight_format::q8_0})
    for (auto [n, k] : {std::pair{576, 64}, std::pair{576, 576}, std::pair{960, 1472}}) {
      quantized_case weight(format, n, k, 0.02, random);
      device_array<bf16> dequantized(weight.dequantized());
      device_array<bf16> input(random_bf16(size_t(19) * static_cast<size_t>(k), 1.0, random));
      for (int32_t tokens : {1, 19}) {
        CAPTURE(int32_t(format), n, k, tokens);
        CHECK(differing(weight, format, dequantized, input, tokens, n, k, linear_result::fp32_rows) == 0);
      }
    }
}

TEST_CASE("a packed product agrees with float64") {
  std::mt19937 random(74);
  constexpr int32_t n = 96, k = 1024, tokens = 5;
  for (auto format : formats) {
    quantized_case weight(format, n, k, 0.02, random);
    auto values = random_bf16(size_t(tokens) * k, 1.0, random);
    device_array<bf16> input(values);
    device_array<float> output(size_t(tokens) * n);
    REQUIRE(quantized_linear(
                {input.get(), weight.packed(), output.get(), tokens, n, k, linear_result::fp32_rows, format},
                {}) == launch_status::ok);
    auto out = output.read();
    double worst = 0;
    for (size_t t = 0; t < tokens; ++t)
      for (size_t i = 0; i < n; ++i) {
        double sum = 0, magnitude = 0;
        for (size_t c = 0; c < k; ++c) {
          double term = weight.values()[i * k + c] * widen(values[t * k + c]);
          sum += term;
          magnitude += std::abs(term);
        }
        double error = std::abs(static_cast<double>(out[t * n + i]) - sum) / (magnitude * 0x1p-8);
        worst = error <= worst ? worst : error;
      }
    CAPTURE(int32_t(format));
    CHECK(worst <= 1); // each weight rounded to bf16
  }
}

TEST_CASE("a packed product names the shape that does not fit") {
  device_array<bf16> input(256);
  device_array<uint8_t> weight(8192);
  device_array<float> output(64);
  quantized_linear_params params{
      input.get(), weight.get(), output.get(), 1, 8, 320, linear_result::fp32_rows, weight_format::q4_k};
  CHECK(quantized_linear(params, {}) == launch_status::shape_mismatch);
  CHECK(std::string(last_mismatch().name) == "params.k");
  CHECK(last_mismatch().expected == 512);
  params.k = 256;
  params.n = 12;
  CHECK(quantized_linear(params, {}) == launch_status::shape_mismatch);
  CHECK(std::string(last_mismatch().name) == "params.n");
  params.n = 8;
  params.result = linear_result::silu_bf16;
  CHECK(quantized_linear(params, {}) == launch_status::shape_mismatch);
  params.result = linear_result::fp32_rows;
  params.format = weight_format::bf16_rows;
  CHECK(quantized_linear(params, {}) == launch_status::shape_mismatch);
}

TEST_CASE("a packed table's rows are those of its dequantized matrix, and NaN for a token outside") {
  std::mt19937 random(36);
  for (auto format : formats)
    for (int32_t hidden : {64, 256, 576, 1536}) {
      if (format == weight_format::q4_k && hidden % 256 != 0)
        continue;
      constexpr int32_t vocabulary = 504;
      quantized_case table(format, vocabulary, hidden, 1.0, random);
      const auto values = table.dequantized();
      const std::vector<int32_t> tokens{0, 1, 7, 8, 250, 503, 503, -1, 504};
      device_array<int32_t> token(tokens);
      device_array<float> output(tokens.size() * static_cast<size_t>(hidden));
      REQUIRE(embed_from(weight_matrix(table.packed(), format), token.get(), output.get(),
                         static_cast<int32_t>(tokens.size()), hidden, vocabulary, {}) == launch_status::ok);
      const auto out = output.read();
      int64_t wrong = 0;
      for (size_t t = 0; t < tokens.size(); ++t)
        for (size_t i = 0; i < static_cast<size_t>(hidden); ++i) {
          const float got = out[t * static_cast<size_t>(hidden) + i];
          const bool known = tokens[t] >= 0 && tokens[t] < vocabulary;
          const auto at = static_cast<size_t>(known ? tokens[t] : 0) * static_cast<size_t>(hidden) + i;
          wrong += known ? static_cast<double>(got) != widen(values[at]) : got == got;
        }
      CAPTURE(hidden, int(format));
      CHECK(wrong == 0);
    }
  CHECK(embed_packed({nullptr, weight_format::q8_0, nullptr, nullptr, 1, 576, 504}, {}) ==
        launch_status::shape_mismatch);
}
