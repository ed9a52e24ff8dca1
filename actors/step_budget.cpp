#include "actors/step_budget.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

namespace {

constexpr int32_t tokens_min = 8;
constexpr int32_t first_tokens = 64;   // until a rate is known: no first step may last for ever
constexpr int32_t rate_tokens_min = 8; // fewer say nothing about a prompt's rate
constexpr double rate_weight = 0.3;    // of the newest step: attention grows along a prompt
constexpr double decode_weight = 0.1;  // steps without prompts are many, and noise is not worth following
constexpr double token_us_min = 1e-3;  // a billion tokens a second: more is a clock that stood still

void learn(double& into, double value, double weight) {
  into = into == 0 ? value : into + weight * (value - into);
}

} // namespace

size_t step_budget::size_of(int32_t rows) {
  const auto width = static_cast<size_t>(std::bit_width(static_cast<uint32_t>(std::max(rows, 1))));
  return std::min(width, sizes) - 1;
}

void step_budget::note(int32_t decode_rows, int32_t prompt_tokens, int64_t step_us) {
  if (step_us <= 0)
    return;
  const auto took_us = static_cast<double>(step_us);
  if (prompt_tokens == 0) {
    if (decode_rows > 0)
      learn(decode_[size_of(decode_rows)].us_a_row, took_us / decode_rows, decode_weight);
    return;
  }
  if (prompt_tokens < rate_tokens_min)
    return;
  // Of a step whose rows were never seen alone, the rows count as tokens.
  const double alone_us = decode_rows > 0 ? decode_us(decode_rows) : 0;
  const double token_us = alone_us > 0 || decode_rows == 0 ? (took_us - alone_us) / prompt_tokens
                                                           : took_us / (prompt_tokens + decode_rows);
  learn(prompt_token_us_, std::max(token_us, token_us_min), rate_weight);
}

double step_budget::decode_us(int32_t rows) const {
  const size_t size = size_of(rows);
  if (decode_[size].us_a_row > 0)
    return decode_[size].us_a_row * rows;
  // What a row takes falls with their number: the nearest smaller step says too much, the nearest larger one,
  // taken whole, too.
  for (size_t smaller = size; smaller-- > 0;)
    if (decode_[smaller].us_a_row > 0)
      return decode_[smaller].us_a_row * rows;
  for (size_t larger = size + 1; larger < sizes; ++larger)
    if (decode_[larger].us_a_row > 0)
      return decode_[larger].us_a_row * static_cast<double>(int64_t{1} << larger);
  return 0;
}

int32_t step_budget::prompt_tokens(int32_t decode_rows) const {
  const int32_t most = std::max(limits_.tokens_max - decode_rows, 0);
  if (prompt_token_us_ == 0)
    return std::min(first_tokens, most);
  auto step_us = static_cast<double>(limits_.step_time_max.count());
  double alone_us = 0;
  if (decode_rows > 0) {
    alone_us = decode_us(decode_rows);
    if (alone_us > 0 && limits_.stretch_max > 0)
      step_us = std::min(step_us, limits_.stretch_max * alone_us);
    else if (alone_us == 0)
      alone_us = decode_rows * prompt_token_us_;
  }
  const double fits = std::max(0.0, (step_us - alone_us) / prompt_token_us_);
  return std::min(std::max(static_cast<int32_t>(std::min(fits, 1e9)), tokens_min), most);
}

} // namespace troupe
