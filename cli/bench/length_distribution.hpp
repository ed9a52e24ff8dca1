#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace troupe {

/// How many tokens the prompts or the answers of a load have. Draws are a function of the generator's state
/// alone, the same with every standard library.
class length_distribution {
public:
  static constexpr int32_t tokens_max = 1 << 20;

  /// Always the same.
  explicit length_distribution(int32_t tokens);

  /// "128"; "uniform:64:256", both ends included; "lognormal:128:0.8" or "lognormal:128:0.8:1024", by the
  /// median, the standard deviation of the natural logarithm and the largest value (10 medians without it).
  /// Errors: bad_usage.
  static result<length_distribution> parse(std::string_view text);

  /// From 1 to tokens_max.
  int32_t draw(std::mt19937_64&) const;

  /// As parse() takes it.
  const std::string& text() const { return text_; }

private:
  enum class shape { fixed, uniform, lognormal };

  shape shape_ = shape::fixed;
  int32_t low_;  // the value itself, or the median
  int32_t high_; // the largest
  double sigma_ = 0;
  std::string text_;
};

} // namespace troupe
