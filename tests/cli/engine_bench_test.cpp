#include "cli/bench/engine_bench.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace troupe;

namespace {

/// Takes 1 ms a token, and checks that pages and positions of each sequence follow on each other.
class timed_model final : public language_model {
public:
  explicit timed_model(manual_clock& clock) : clock_(clock) {}

  const model_shape& shape() const override { return shape_; }
  size_t page_bytes() const override { return 64; }
  size_t weight_bytes() const override { return 1; }
  uint64_t numeric_class() const override { return 0; }

  status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                 forward_scratch& scratch, thread_pool&, std::span<float> logits) const override {
    size_t tokens = 0, rows = 0;
    std::map<page_id, int> writers;
    for (const sequence_slice& slice : slices) {
      tokens += slice.tokens.size();
      rows += static_cast<size_t>(slice.logit_rows);
      size_t end = static_cast<size_t>(slice.position) + slice.tokens.size();
      REQUIRE(slice.block_table.size() * page_tokens >= end);
      for (page_id page : slice.block_table)
        REQUIRE(static_cast<size_t>(page + 1) * page_bytes() <= kv_pages.size());
      ++writers[slice.block_table[static_cast<size_t>(slice.position) / page_tokens]];
    }
    for (const auto& [page, count] : writers)
      REQUIRE(count == 1);
    REQUIRE(tokens <= static_cast<size_t>(scratch.tokens_max()));
    REQUIRE(logits.size() == rows * static_cast<size_t>(shape_.vocabulary));
    steps.push_back(tokens);
    clock_.advance(milliseconds(tokens));
    return {};
  }

  mutable std::vector<size_t> steps;

private:
  manual_clock& clock_;
  model_shape shape_{.layers = 1,
                     .hidden = 32,
                     .heads = 1,
                     .kv_heads = 1,
                     .head_dim = 32,
                     .feed_forward = 32,
                     .vocabulary = 10,
                     .context_length = 1000};
};

} // namespace

TEST_CASE("prefill goes in steps and every round counts but the warm-up") {
  manual_clock clock;
  timed_model model(clock);
  thread_pool threads(1);
  auto made = engine_bench::create(
      model, threads, clock,
      {.batch_tokens_max = 64, .prompt_tokens_max = 150, .warmup_rounds = 1, .rounds = 3});
  REQUIRE(made);
  auto& bench = **made;
  auto rates = bench.prefill(150);
  REQUIRE(rates);
  CHECK(model.steps == std::vector<size_t>{64, 64, 22, 64, 64, 22, 64, 64, 22, 64, 64, 22});
  REQUIRE(rates->size() == 3);
  for (double rate : *rates)
    CHECK(rate == Approx(1000)); // 1 ms a token
}

TEST_CASE("decode times its steps and not the prompts before them") {
  manual_clock clock;
  timed_model model(clock);
  thread_pool threads(1);
  auto made = engine_bench::create(model, threads, clock,
                                   {.batch_tokens_max = 64,
                                    .batch_size_max = 3,
                                    .prompt_tokens_max = 1,
                                    .decode_tokens_max = 25,
                                    .rounds = 5});
  REQUIRE(made);
  auto& bench = **made;
  auto rates = bench.decode(3, 20, 5);
  REQUIRE(rates);
  CHECK(rates->size() == 5);
  CHECK(model.steps.size() == 3 + 6 * 5); // three prompts, then six rounds
  for (double rate : *rates)
    CHECK(rate == Approx(1000));
  CHECK(bench.kv_bytes() == 3 * 2 * 64); // 25 tokens are two pages
}
