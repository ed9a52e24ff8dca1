#include "kernels/cuda/library.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

#include <catch2/catch.hpp>
#include <dlfcn.h>

using namespace troupe;
using namespace troupe::cuda;

namespace {

/// Ours, with one bit of the output flipped: what the self-test must see.
class faulty_prefill final : public prefill_linear {
public:
  launch_status run(const linear_params& params, CUstream_st* stream) override {
    linear_params part = params;
    part.tokens = 64;
    TROUPE_CHECK(params.tokens == 64, "the test asks for what one launch does");
    if (auto s = linear(part, {stream, false}); s != launch_status::ok)
      return s;
    expect_ok(cudaDeviceSynchronize());
    uint32_t word = 0;
    auto* at = static_cast<uint32_t*>(params.output) + 777;
    expect_ok(cudaMemcpy(&word, at, sizeof word, cudaMemcpyDeviceToHost));
    word ^= 1;
    expect_ok(cudaMemcpy(at, &word, sizeof word, cudaMemcpyHostToDevice));
    return launch_status::ok;
  }
};

} // namespace

TEST_CASE("prefill products have the decode products' bits at a Llama's shapes, in every size class") {
  std::unique_ptr<prefill_linear> prefill;
  REQUIRE(prefill_linear::open(prefill) == launch_status::ok);
  for (auto [n, k] :
       {std::pair{6144, 4096}, std::pair{4096, 4096}, std::pair{4096, 14336}, std::pair{4096, 1024}})
    for (auto result : {linear_result::bf16_rows, linear_result::fp32_rows, linear_result::add_to_fp32})
      for (int32_t tokens : {1, 19, 99, 200, 500, 989}) {
        linear_agreement found{};
        REQUIRE(compare_prefill_linear(*prefill, tokens, n, k, result, found) == launch_status::ok);
        CAPTURE(n, k, tokens, static_cast<int>(result));
        CHECK(found.compared == int64_t(tokens) * n / (result == linear_result::bf16_rows ? 2 : 1));
        CHECK(found.different == 0);
      }
}

TEST_CASE("the self-test sees a single bit") {
  faulty_prefill faulty;
  for (auto result : {linear_result::bf16_rows, linear_result::fp32_rows}) {
    linear_agreement found{};
    REQUIRE(compare_prefill_linear(faulty, 64, 576, 576, result, found) == launch_status::ok);
    CHECK(found.different == 1);
  }
}

TEST_CASE("prefill products agree with float64") {
  std::mt19937 random(51);
  constexpr int32_t tokens = 99, n = 504, k = 1000;
  auto x = random_bf16(size_t(tokens) * k, 1.0, random), w = random_bf16(size_t(n) * k, 0.05, random);
  auto before = random_float(size_t(tokens) * n, 3.0, random);
  device_array<bf16> input(x), weight(w);
  device_array<float> output(before);
  std::unique_ptr<prefill_linear> prefill;
  REQUIRE(prefill_linear::open(prefill) == launch_status::ok);
  REQUIRE(prefill->run({input.get(), weight.get(), output.get(), tokens, n, k, linear_result::add_to_fp32},
                       nullptr) == launch_status::ok);
  auto out = output.read();
  double worst = 0;
  for (size_t t = 0; t < tokens; ++t)
    for (size_t i = 0; i < n; ++i) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < k; ++c) {
        double term = widen(x[t * k + c]) * widen(w[i * k + c]);
        sum += term;
        magnitude += std::abs(term);
      }
      double start = static_cast<double>(before[t * n + i]);
      double allowed = magnitude * 0x1p-18 + std::abs(start) * 0x1p-23;
      double error = std::abs(static_cast<double>(out[t * n + i]) - (sum + start)) / allowed;
      worst = error <= worst ? worst : error;
    }
  CHECK(worst <= 1);
  CHECK(prefill->run({input.get(), weight.get(), output.get(), tokens, n, k, linear_result::silu_bf16},
                     nullptr) == launch_status::unsupported);
}

TEST_CASE("the library's table is found by name") {
  auto* found = dlsym(RTLD_DEFAULT, library_entry_name);
  REQUIRE(found != nullptr);
  const library_table* table = reinterpret_cast<library_entry>(found)();
  CHECK(table->version == library_version);
  CHECK(table->linear == &linear);
  CHECK(table->last_device_error == &last_device_error);
}
