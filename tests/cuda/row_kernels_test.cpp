#include "kernels/cuda/argmax.hpp"
#include "kernels/cuda/embed.hpp"
#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/rms_norm.hpp"
#include "kernels/cuda/silu_multiply.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

using namespace troupe::cuda;

TEST_CASE("rms_norm agrees with float64 at awkward sizes, a row alone or in a batch") {
  std::mt19937 random(21);
  for (int32_t hidden : {1, 19, 99, 500, 576, 989, 4096, 8192}) {
    constexpr int32_t tokens = 19;
    auto columns = static_cast<size_t>(hidden);
    auto x = random_float(tokens * columns, 2.0, random), w = random_float(columns, 1.0, random);
    device_array<float> input(x), weight(w);
    device_array<bf16> output(tokens * columns);
    REQUIRE(rms_norm({input.get(), weight.get(), output.get(), tokens, hidden, 1e-5f}, {}) ==
            launch_status::ok);
    auto out = output.read();
    double worst = 0;
    for (size_t t = 0; t < tokens; ++t) {
      double squares = 0;
      for (size_t i = 0; i < columns; ++i)
        squares += std::pow(static_cast<double>(x[t * columns + i]), 2);
      double scale = 1 / std::sqrt(squares / hidden + 1e-5);
      for (size_t i = 0; i < columns; ++i) {
        double want = static_cast<double>(x[t * columns + i]) * scale * static_cast<double>(w[i]);
        double error =
            std::abs(widen(out[t * columns + i]) - want) / (std::abs(want) * bf16_half_ulp * 1.01 + 1e-30);
        worst = error <= worst ? worst : error;
      }
    }
    CAPTURE(hidden);
    CHECK(worst <= 1);
    if (hidden % 4 == 0) {
      device_array<bf16> alone(columns);
      REQUIRE(rms_norm({input.get() + 7 * columns, weight.get(), alone.get(), 1, hidden, 1e-5f}, {}) ==
              launch_status::ok);
      CHECK(count_different(alone.read().data(), out.data() + 7 * columns, columns) == 0);
      device_array<int32_t> rows(std::vector<int32_t>{18, 7, 7});
      device_array<bf16> picked(3 * columns);
      REQUIRE(rms_norm({input.get(), weight.get(), picked.get(), 3, hidden, 1e-5f, rows.get()}, {}) ==
              launch_status::ok);
      auto got = picked.read();
      CHECK(count_different(got.data(), out.data() + 18 * columns, columns) == 0);
      CHECK(count_different(got.data() + columns, out.data() + 7 * columns, columns) == 0);
      CHECK(count_different(got.data() + 2 * columns, out.data() + 7 * columns, columns) == 0);
    }
  }
}

TEST_CASE("embed copies rows, and answers NaN for a token outside") {
  std::mt19937 random(22);
  for (int32_t hidden : {1, 19, 576, 989, 4096}) {
    constexpr int32_t vocabulary = 99;
    auto columns = static_cast<size_t>(hidden);
    auto rows = random_bf16(vocabulary * columns, 1.0, random);
    std::vector<int32_t> tokens{0, 98, 5, 5, -1, 99};
    device_array<bf16> table(rows);
    device_array<int32_t> token(tokens);
    device_array<float> output(tokens.size() * columns);
    REQUIRE(embed({table.get(), token.get(), output.get(), static_cast<int32_t>(tokens.size()), hidden,
                   vocabulary},
                  {}) == launch_status::ok);
    auto out = output.read();
    int64_t wrong = 0;
    for (size_t t = 0; t < tokens.size(); ++t)
      for (size_t i = 0; i < columns; ++i) {
        float got = out[t * columns + i];
        if (t < 4)
          wrong += got == widen(rows[static_cast<size_t>(tokens[t]) * columns + i]) ? 0 : 1;
        else
          wrong += std::isnan(got) ? 0 : 1;
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("silu_multiply agrees with float64, and with the product that does the same") {
  std::mt19937 random(23);
  for (int32_t intermediate : {8, 96, 504, 576, 984, 4096}) {
    constexpr int32_t tokens = 19, k = 64;
    auto half = static_cast<size_t>(intermediate);
    device_array<bf16> x(random_bf16(tokens * k, 1.0, random)), w(random_bf16(half * 2 * k, 0.3, random));
    device_array<bf16> both(tokens * half * 2), fused(tokens * half), output(tokens * half);
    REQUIRE(linear({x.get(), w.get(), both.get(), tokens, intermediate * 2, k, linear_result::bf16_rows},
                   {}) == launch_status::ok);
    REQUIRE(linear({x.get(), w.get(), fused.get(), tokens, intermediate * 2, k, linear_result::silu_bf16},
                   {}) == launch_status::ok);
    REQUIRE(silu_multiply({both.get(), output.get(), tokens, intermediate}, {}) == launch_status::ok);
    auto in = both.read(), out = output.read();
    CHECK(count_different(out.data(), fused.read().data(), out.size()) == 0);
    double worst = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      size_t gate = i / half * half * 2 + i % half / 8 * 16 + i % 8;
      double g = widen(in[gate]), want = g / (1 + std::exp(-g)) * widen(in[gate + 8]);
      double error = std::abs(widen(out[i]) - want) / (std::abs(want) * bf16_half_ulp * 1.01 + 1e-12);
      worst = error <= worst ? worst : error;
    }
    CHECK(worst <= 1);
  }
}

TEST_CASE("argmax finds the lowest index of the largest logit, and says when they are not finite") {
  std::mt19937 random(24);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int32_t vocabulary : {1, 19, 99, 500, 576, 989, 4096, 128256}) {
    constexpr int32_t tokens = 8;
    auto columns = static_cast<size_t>(vocabulary);
    auto values = random_float(tokens * columns, 1.0, random);
    std::fill_n(values.begin() + 6 * vocabulary, 2 * vocabulary, -infinity); // all but one masked out
    values[6 * columns + columns / 2] = -1e38f;
    values[7 * columns + columns / 3] = -0.0f; // of two zeros the first
    values[7 * columns + columns - 1] = vocabulary > 1 ? 0.0f : -0.0f;
    std::fill_n(values.begin() + 1 * vocabulary, vocabulary, -3.0f); // all equal
    std::fill_n(values.begin() + 2 * vocabulary, vocabulary, -infinity);
    values[3 * columns + columns / 2] = std::numeric_limits<float>::quiet_NaN();
    values[4 * columns + columns - 1] = infinity;
    values[5 * columns + columns / 3] = values[5 * columns + columns - 1] = 50.0f;
    device_array<float> logits(values);
    device_array<int32_t> token(tokens);
    device_array<uint64_t> best(tokens);
    device_array<uint32_t> done(tokens);
    best.fill(0);
    done.fill(0);
    for (int run = 0; run < 2; ++run) { // the second finds what the first left behind
      token.fill(0x77);
      REQUIRE(argmax({logits.get(), token.get(), best.get(), done.get(), tokens, vocabulary}, {}) ==
              launch_status::ok);
      auto got = token.read();
      CAPTURE(vocabulary, run);
      CHECK(got[0] == std::max_element(values.begin(), values.begin() + vocabulary) - values.begin());
      CHECK(got[1] == 0);
      CHECK(got[2] == -1);
      CHECK(got[3] == -1);
      CHECK(got[4] == -1);
      CHECK(got[5] == vocabulary / 3);
      CHECK(got[6] == vocabulary / 2);
      CHECK(got[7] == vocabulary / 3);
    }
  }
}
