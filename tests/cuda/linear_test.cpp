#include "kernels/cuda/linear.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace troupe::cuda;

namespace {

struct product {
  int32_t tokens, n, k;
  std::vector<bf16> input, weight;
  std::vector<double> sums, magnitudes; // [tokens, n]: the product, and the sum of the terms' sizes
};

product make_product(int32_t tokens, int32_t n, int32_t k, std::mt19937& random) {
  auto rows = static_cast<size_t>(tokens), outputs = static_cast<size_t>(n), columns = static_cast<size_t>(k);
  product p{
      tokens, n, k, random_bf16(rows * columns, 1.0, random), random_bf16(outputs * columns, 0.05, random),
      {},     {}};
  std::vector<float> x(p.input.size()), w(p.weight.size());
  std::transform(p.input.begin(), p.input.end(), x.begin(),
                 [](bf16 v) { return static_cast<float>(widen(v)); });
  std::transform(p.weight.begin(), p.weight.end(), w.begin(),
                 [](bf16 v) { return static_cast<float>(widen(v)); });
  for (size_t t = 0; t < rows; ++t)
    for (size_t i = 0; i < outputs; ++i) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < columns; ++c) {
        double term = static_cast<double>(x[t * columns + c]) * static_cast<double>(w[i * columns + c]);
        sum += term;
        magnitude += std::abs(term);
      }
      p.sums.push_back(sum);
      p.magnitudes.push_back(magnitude);
    }
  return p;
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

/// Largest error over its allowance: 2^-18 of the magnitude (the tensor core's fp32 sum, which truncates),
/// and what the rounding of the output adds. At most 1 passes; NaN never does.
double worst_bf16(const product& p, const std::vector<bf16>& out) {
  double worst = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    double allowed = p.magnitudes[i] * 0x1p-18 + std::abs(p.sums[i]) * bf16_half_ulp;
    double error = std::abs(widen(out[i]) - p.sums[i]) / allowed;
    worst = error <= worst ? worst : error; // NaN stays
  }
  return worst;
}

double worst_fp32(const product& p, const std::vector<float>& out, const std::vector<float>& before) {
  double worst = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    double start = before.empty() ? 0.0 : static_cast<double>(before[i]);
    double allowed = p.magnitudes[i] * 0x1p-18 + std::abs(start) * 0x1p-23;
    double error = std::abs(static_cast<double>(out[i]) - (p.sums[i] + start)) / allowed;
    worst = error <= worst ? worst : error;
  }
  return worst;
}

double worst_silu(const product& p, const std::vector<bf16>& out) {
  double worst = 0;
  size_t half = static_cast<size_t>(p.n) / 2;
  for (size_t i = 0; i < out.size(); ++i) {
    size_t t = i / half, column = i % half, gate = t * half * 2 + column / 8 * 16 + column % 8, up = gate + 8;
    double g = p.sums[gate], u = p.sums[up];
    double gate_error = p.magnitudes[gate] * 0x1p-18 + std::abs(g) * bf16_half_ulp;
    double up_error = p.magnitudes[up] * 0x1p-18 + std::abs(u) * bf16_half_ulp;
    double want = silu(g) * u;
    double allowed = 1.1 * gate_error * std::abs(u) + std::abs(silu(g)) * up_error +
                     gate_error * up_error * 1.1 + std::abs(want) * bf16_half_ulp + 1e-6;
    double error = std::abs(widen(out[i]) - want) / allowed;
    worst = error <= worst ? worst : error;
  }
  return worst;
}

void check_all_results(int32_t tokens, int32_t n, int32_t k, std::mt19937& random) {
  auto p = make_product(tokens, n, k, random);
  size_t outputs = p.sums.size();
  device_array<bf16> input(p.input), weight(p.weight);
  gpu_stream stream;
  CAPTURE(tokens, n, k);
  device_array<bf16> half(outputs);
  REQUIRE(linear({input.get(), weight.get(), half.get(), tokens, n, k, linear_result::bf16_rows}, stream) ==
          launch_status::ok);
  CHECK(worst_bf16(p, half.read()) <= 1);
  device_array<float> full(outputs);
  REQUIRE(linear({input.get(), weight.get(), full.get(), tokens, n, k, linear_result::fp32_rows}, stream) ==
          launch_status::ok);
  CHECK(worst_fp32(p, full.read(), {}) <= 1);
  auto before = random_float(outputs, 3.0, random);
  device_array<float> sum(before);
  REQUIRE(linear({input.get(), weight.get(), sum.get(), tokens, n, k, linear_result::add_to_fp32}, stream) ==
          launch_status::ok);
  CHECK(worst_fp32(p, sum.read(), before) <= 1);
  if (n % 16 == 0) {
    device_array<bf16> activated(outputs / 2);
    REQUIRE(linear({input.get(), weight.get(), activated.get(), tokens, n, k, linear_result::silu_bf16},
                   stream) == launch_status::ok);
    CHECK(worst_silu(p, activated.read()) <= 1);
  }
}

} // namespace

TEST_CASE("products agree with float64 at awkward sizes") {
  std::mt19937 random(11);
  for (int32_t tokens : {1, 7, 8, 9, 16, 19, 33, 64})
    for (int32_t n : {1, 19, 99, 500, 576, 989})
      check_all_results(tokens, n, 136, random);
  for (int32_t k : {8, 64, 72, 504, 576, 992, 4096})
    for (int32_t tokens : {1, 19, 50})
      check_all_results(tokens, 99, k, random);
  check_all_results(1, 4096, 4096, random);
  check_all_results(3, 4096, 576, random);
  check_all_results(1, 40000, 64, random); // several tiles a block
}

TEST_CASE("a row's bits depend neither on its batch nor on its place nor on the geometry") {
  std::mt19937 random(12);
  for (auto [n, k] :
       {std::pair{4096, 4096}, std::pair{1024, 14336}, std::pair{6144, 4096}, std::pair{989, 576}}) {
    constexpr int32_t rows = 64;
    auto outputs = static_cast<size_t>(n), columns = static_cast<size_t>(k);
    auto x = random_bf16(rows * columns, 1.0, random);
    device_array<bf16> input(x), weight(random_bf16(outputs * columns, 0.02, random));
    device_array<float> alone(rows * outputs);
    gpu_stream stream;
    for (int32_t t = 0; t < rows; ++t)
      REQUIRE(linear({input.get() + static_cast<size_t>(t) * columns, weight.get(),
                      alone.get() + static_cast<size_t>(t) * outputs, 1, n, k, linear_result::fp32_rows},
                     stream) == launch_status::ok);
    auto expected = alone.read();
    for (int32_t batch : {2, 8, 9, 16, 17, 32, 33, 64})
      for (int32_t first : {0, rows - batch}) {
        device_array<float> together(static_cast<size_t>(batch) * outputs);
        REQUIRE(linear({input.get() + static_cast<size_t>(first) * columns, weight.get(), together.get(),
                        batch, n, k, linear_result::fp32_rows},
                       stream) == launch_status::ok);
        auto got = together.read();
        CAPTURE(n, k, batch, first);
        CHECK(count_different(got.data(), expected.data() + static_cast<size_t>(first) * outputs,
                              got.size()) == 0);
      }
    for (linear_geometry geometry :
         {linear_geometry{16, 0}, linear_geometry{64, 220 * 1024}, linear_geometry{256, 0},
          linear_geometry{48, 64 * 1024}, linear_geometry{112, 128 * 1024}, linear_geometry{128, 0},
          linear_geometry{176, 0}})
      for (int32_t batch : {1, 16, 32, 64}) {
        device_array<float> together(static_cast<size_t>(batch) * outputs);
        REQUIRE(linear({input.get(), weight.get(), together.get(), batch, n, k, linear_result::fp32_rows},
                       stream, geometry) == launch_status::ok);
        auto got = together.read();
        CAPTURE(n, k, batch, geometry.tile_rows);
        CHECK(count_different(got.data(), expected.data(), got.size()) == 0);
      }
  }
}

TEST_CASE("a product names the shape that does not fit") {
  device_array<bf16> input(64), weight(64);
  device_array<float> output(64);
  linear_params params{input.get(), weight.get(), output.get(), 1, 8, 12, linear_result::fp32_rows};
  CHECK(linear(params, {}) == launch_status::shape_mismatch);
  CHECK(std::string(last_mismatch().name) == "params.k");
  CHECK(last_mismatch().expected == 16);
  CHECK(last_mismatch().got == 12);
  params.k = 8;
  params.tokens = 65;
  CHECK(linear(params, {}) == launch_status::shape_mismatch);
  CHECK(last_mismatch().expected == 64);
  params.tokens = 1;
  params.input = nullptr;
  CHECK(linear(params, {}) == launch_status::shape_mismatch);
  params.input = input.get() + 1;
  CHECK(linear(params, {}) == launch_status::shape_mismatch);
  CHECK(last_mismatch().got == 2);
}
