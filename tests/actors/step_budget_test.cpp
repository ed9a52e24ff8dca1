#include "actors/step_budget.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace troupe;

namespace {

/// A machine of which a token of a prompt takes longer the further the prompt is.
int64_t step_us(int32_t rows, int32_t tokens, int32_t position) {
  return 2000 + 1500 * rows + (500 + position / 20) * int64_t{tokens};
}

/// The longest step of a long prompt beside so many running streams.
int64_t longest_us(step_budget& budget, int32_t rows, int32_t prompt_tokens) {
  int64_t longest = 0;
  for (int32_t position = 0; position < prompt_tokens;) {
    const auto tokens = std::min(budget.prompt_tokens(rows), prompt_tokens - position);
    REQUIRE(tokens >= 1);
    const auto took = step_us(rows, tokens, position);
    budget.note(rows, tokens, took);
    longest = std::max(longest, took);
    position += tokens;
  }
  return longest;
}

} // namespace

TEST_CASE("a step with prompts stays within its stretch of one without, while streams run") {
  step_budget budget({.step_time_max = milliseconds(200), .stretch_max = 2.5, .tokens_max = 512});
  longest_us(budget, 0, 600); // the rate of a prompt is known
  for (int i = 0; i < 50; ++i)
    budget.note(8, 0, step_us(8, 0, 0));
  CHECK(budget.decode_us(8) == Approx(14'000));
  CHECK(longest_us(budget, 8, 6000) <= 3 * 14'000);
}

TEST_CASE("alone, prompts get the whole step") {
  step_budget budget({.step_time_max = milliseconds(200), .stretch_max = 2.5, .tokens_max = 512});
  CHECK(budget.prompt_tokens(0) == 64); // nothing is known
  for (int i = 0; i < 30; ++i)
    budget.note(0, 200, step_us(0, 200, 0));
  CHECK(budget.prompt_tokens(0) == Approx(200'000.0 / 510).epsilon(0.02));
  budget.note(8, 0, 14'000);
  CHECK(budget.prompt_tokens(0) == Approx(200'000.0 / 510).epsilon(0.02));
  CHECK(budget.prompt_tokens(8) == Approx(21'000.0 / 510).epsilon(0.03));
}

TEST_CASE("the longest step time binds where the stretch is off or wide") {
  for (const double stretch : {0.0, 1000.0}) {
    step_budget budget({.step_time_max = milliseconds(50), .stretch_max = stretch, .tokens_max = 512});
    budget.note(8, 0, 14'000);
    for (int i = 0; i < 30; ++i)
      budget.note(0, 100, 50'000);
    CHECK(budget.prompt_tokens(8) == 72); // (50 - 14) ms at 0.5 ms
  }
}

TEST_CASE("a budget has bounds whatever was measured") {
  step_budget slow({.step_time_max = milliseconds(1), .stretch_max = 1, .tokens_max = 512});
  slow.note(0, 64, 60'000'000);
  slow.note(8, 0, 9'000'000);
  CHECK(slow.prompt_tokens(0) == 8);
  CHECK(slow.prompt_tokens(8) == 8);
  CHECK(slow.prompt_tokens(505) == 7); // a step has 512
  CHECK(slow.prompt_tokens(512) == 0);
  step_budget fast({.step_time_max = milliseconds(1000), .stretch_max = 0, .tokens_max = 512});
  fast.note(0, 64, 0); // no time at all
  CHECK(fast.prompt_tokens(0) == 64);
  fast.note(4, 64, 1);
  CHECK(fast.prompt_tokens(0) == 512);
  CHECK(fast.prompt_tokens(2000) == 0);
}

TEST_CASE("steps of a size that was never seen are guessed from their neighbours") {
  step_budget budget({});
  CHECK(budget.decode_us(4) == 0);
  budget.note(4, 0, 8000);
  CHECK(budget.decode_us(4) == 8000);
  CHECK(budget.decode_us(7) == 14'000);
  CHECK(budget.decode_us(32) == 64'000); // too much, until one is seen
  CHECK(budget.decode_us(1) == 8000);
  budget.note(32, 0, 32'000);
  CHECK(budget.decode_us(32) == 32'000);
  CHECK(budget.decode_us(5000) > 0);
}
