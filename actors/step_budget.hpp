#pragma once

#include "base/clock.hpp"

#include <array>
#include <cstdint>

namespace troupe {

struct step_budget_limits {
  microseconds step_time_max{200'000};
  double stretch_max = 2.5; // of a step with prompts to one without, while streams run; 0: no such bound
  int32_t tokens_max = 512; // in a step
};

/// How many tokens of waiting prompts a step may carry beside its decode rows, by the times that steps took.
/// Two numbers are learned: what a step of so many decode rows takes, and what one token of a prompt adds.
class step_budget {
public:
  explicit step_budget(step_budget_limits limits) : limits_(limits) {}

  /// A step that ended.
  void note(int32_t decode_rows, int32_t prompt_tokens, int64_t step_us);

  /// From 8, so that a prompt moves on even where the machine is very slow, to what tokens_max leaves.
  int32_t prompt_tokens(int32_t decode_rows) const;

  /// Of a step with so many decode rows alone; 0: nothing is known yet.
  double decode_us(int32_t rows) const;

private:
  static constexpr size_t sizes = 11; // by powers of two: 1, 2-3, 4-7, … rows
  static size_t size_of(int32_t rows);

  struct measured {
    double us_a_row = 0; // 0: never seen
  };

  step_budget_limits limits_;
  std::array<measured, sizes> decode_{};
  double prompt_token_us_ = 0; // 0: unknown
};

} // namespace troupe
