#include "tests/device/device_model.hpp"

#include <chrono>
#include <cstdio>
#include <functional>

using namespace troupe;

namespace {

/// Median microseconds of a step, behind a few to warm up.
double step_us(const std::function<void()>& step) {
  std::vector<double> out;
  for (int round = -5; round < 41; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    if (round >= 0)
      out.push_back(took.count());
  }
  std::ranges::nth_element(out, out.begin() + 20);
  return out[20];
}

} // namespace

/// Hidden: says where a step's time goes, and fails never. test_device "[rates]"
TEST_CASE("card: what a step of the default model costs with and without its logits", "[.][rates]") {
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  const auto tokens = english_tokens(2000);
  model_runner runner(*model, 16, 64, 640, 2048);
  for (int32_t batch : {1, 8, 32, 64})
    for (int32_t rows : {0, 1, 2}) {
      std::vector<model_runner::part> parts;
      std::vector<token_id> greedy(static_cast<size_t>(batch));
      for (int32_t s = 0; s < batch; ++s)
        parts.push_back({s,
                         {tokens[static_cast<size_t>(s)]},
                         512,
                         rows % 2,
                         rows == 2 ? &greedy[static_cast<size_t>(s)] : nullptr});
      std::printf("decode  %4d sequences, %s: %8.1f us\n", batch,
                  rows == 0   ? "no logits    "
                  : rows == 1 ? "with logits  "
                              : "greedy tokens",
                  step_us([&] { runner.step(parts); }));
    }
  for (int32_t count : {16, 64, 65, 128, 512, 640})
    for (int32_t rows : {0, 1}) {
      const std::vector<model_runner::part> parts{{0, {tokens.begin(), tokens.begin() + count}, 0, rows}};
      std::printf("prefill %4d tokens,    %s logits: %8.1f us\n", count, rows == 0 ? "no  " : "with",
                  step_us([&] { runner.step(parts); }));
    }
}
