#include "kernels/float16.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace troupe;

namespace {

double value_of(uint16_t half) { // finite ones
  const int exponent = (half >> 10) & 31, mantissa = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

} // namespace

TEST_CASE("every finite half converts exactly, there and back", "[float16]") {
  bool exact = true, back = true;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (((half >> 10) & 31) == 31)
      continue;
    exact = exact && static_cast<double>(half_to_float(half)) == value_of(half);
    back = back && float_to_half(half_to_float(half)) == half;
  }
  CHECK(exact);
  CHECK(back);
}

TEST_CASE("halfway cases round to even, the rest to nearest", "[float16]") {
  bool nearest = true, ties = true;
  for (uint16_t half = 0; half < 0x7bff; ++half) {
    const auto next = static_cast<uint16_t>(half + 1);
    const auto middle = static_cast<float>((value_of(half) + value_of(next)) / 2);
    ties = ties && float_to_half(middle) == (half % 2 == 0 ? half : next);
    nearest = nearest && float_to_half(std::nextafterf(middle, 0.0f)) == half;
    nearest = nearest && float_to_half(-std::nextafterf(middle, 1e9f)) == (next | 0x8000);
  }
  CHECK(ties);
  CHECK(nearest);
}

TEST_CASE("too large becomes infinity and NaN stays NaN", "[float16]") {
  CHECK(float_to_half(65504.0f) == 0x7bff);
  CHECK(float_to_half(65519.99f) == 0x7bff);
  CHECK(float_to_half(65520.0f) == 0x7c00);
  CHECK(float_to_half(-1e30f) == 0xfc00);
  CHECK(std::isinf(half_to_float(0x7c00)));
  CHECK(std::isnan(half_to_float(0x7e01)));
  CHECK(std::isnan(half_to_float(float_to_half(std::numeric_limits<float>::quiet_NaN()))));
}
