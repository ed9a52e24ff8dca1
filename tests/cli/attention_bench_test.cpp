#include "cli/bench/attention_bench.hpp"
#include "cli/bench/perplexity.hpp"
#include "tests/cli/even_model.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace troupe;

TEST_CASE("the attention bench counts the bytes that queries see") {
  thread_pool threads(1);
  const cpu_stream stream{detect_instruction_set(), threads};
  manual_clock clock;
  const attention_bench_options sizes{
      .tokens = 100, .heads = 2, .kv_heads = 1, .head_dim = 16, .step_tokens = 33};
  attention_bench bench(sizes, stream, clock);
  REQUIRE(bench.fill());
  constexpr size_t page = 2 * 16 * 16 * 2; // keys and values, fp16
  CHECK(bench.decode_bytes({}) == 7 * page);
  CHECK(bench.decode_bytes({20, 0}) == 2 * page);  // positions 80 to 99
  CHECK(bench.decode_bytes({21, 0}) == 3 * page);  // and 79
  CHECK(bench.decode_bytes({20, 17}) == 4 * page); // and two pages of sinks
  CHECK(bench.decode_bytes({99, 90}) == 7 * page); // sinks inside the window count once
  // 16 queries each for pages 0 to 5, then 4.
  CHECK(bench.prefill_bytes({}) == (16 * (1 + 2 + 3 + 4 + 5 + 6) + 4 * 7) * page);
  CHECK(bench.prefill_bytes({1, 0}) == 100 * page);
  for (attention_window window : {attention_window{}, {20, 4}}) {
    REQUIRE(bench.prefill_us(window));
    REQUIRE(bench.decode_us(window, 3));
  }
  CHECK_FALSE(bench.prefill_us({0, 4}));
}

TEST_CASE("perplexity of a model that knows nothing is the size of its vocabulary") {
  even_model model;
  thread_pool threads(1);
  std::vector<token_id> text(50, 3);
  for (const int32_t step : {1, 7, 64}) {
    perplexity scorer(model, threads, 50, step);
    int32_t last = 0;
    const auto score = scorer.score(text, [&](int32_t done) { last = done; });
    REQUIRE(score);
    CHECK(last == 50);
    CHECK(score->predicted == 49);
    CHECK(score->perplexity() == Approx(10));
    CHECK(scorer.losses().size() == 49);
  }
  // The model thinks that after token n comes n + 1, by a factor of e against all others.
  model.knows = true;
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<token_id>(i % 10);
  perplexity scorer(model, threads, 50, 7);
  CHECK(scorer.score(text, {})->perplexity() == Approx((std::exp(1.0) + 9) / std::exp(1.0)));
}
