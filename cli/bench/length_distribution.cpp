#include "cli/bench/length_distribution.hpp"

#include "cli/errors.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <vector>

namespace troupe {

namespace {

constexpr double sigma_max = 5;

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos)
      return parts;
    text.remove_prefix(colon + 1);
  }
}

template <class T>
bool read(std::string_view text, T& into) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failed == std::errc() && end == text.data() + text.size();
}

/// In [0, 1). The standard's distributions differ between libraries; this does not.
double uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

} // namespace

length_distribution::length_distribution(int32_t tokens)
    : low_(tokens), high_(tokens), text_(std::to_string(tokens)) {}

result<length_distribution> length_distribution::parse(std::string_view text) {
  const auto bad = [&] {
    return failure(cli_error::bad_usage,
                   fmt::format("{} is no length: give a number like 128, uniform:64:256, or "
                               "lognormal:MEDIAN:SIGMA or lognormal:MEDIAN:SIGMA:MAX, in tokens from 1 to {} "
                               "and with a sigma from 0 to {}",
                               text.substr(0, 64), tokens_max, sigma_max));
  };
  const auto parts = split(text);
  length_distribution out(1);
  out.text_ = text;
  bool fine = false;
  if (parts.size() == 1) {
    fine = read(parts[0], out.low_);
    out.high_ = out.low_;
  } else if (parts[0] == "uniform" && parts.size() == 3) {
    out.shape_ = shape::uniform;
    fine = read(parts[1], out.low_) && read(parts[2], out.high_);
  } else if (parts[0] == "lognormal" && (parts.size() == 3 || parts.size() == 4)) {
    out.shape_ = shape::lognormal;
    fine = read(parts[1], out.low_) && read(parts[2], out.sigma_);
    out.high_ = static_cast<int32_t>(std::min<int64_t>(10 * int64_t{out.low_}, tokens_max));
    if (parts.size() == 4)
      fine = fine && read(parts[3], out.high_);
  }
  fine = fine && out.low_ >= 1 && out.low_ <= out.high_ && out.high_ <= tokens_max && out.sigma_ >= 0 &&
         out.sigma_ <= sigma_max;
  if (!fine)
    return bad();
  return out;
}

int32_t length_distribution::draw(std::mt19937_64& random) const {
  switch (shape_) {
  case shape::fixed:
    return low_;
  case shape::uniform:
    return low_ + static_cast<int32_t>(uniform(random) * (high_ - low_ + 1));
  case shape::lognormal:
    break;
  }
  // Box and Muller, 1958.
  const double radius = std::sqrt(-2 * std::log1p(-uniform(random)));
  const double normal = radius * std::cos(2 * std::numbers::pi * uniform(random));
  const double tokens = std::round(low_ * std::exp(sigma_ * normal));
  return static_cast<int32_t>(std::clamp(tokens, 1.0, static_cast<double>(high_)));
}

} // namespace troupe
