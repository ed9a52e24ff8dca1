#include "model/template/operators.hpp"

#include "model/template/format.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <fmt/format.h>

namespace troupe {

namespace {

[[noreturn]] void fail_operands(std::string_view operation, const template_value& a,
                                const template_value& b) {
  for (const template_value* each : {&a, &b})
    if (each->is_undefined())
      template_fail(each->reason());
  template_fail(
      fmt::format("unsupported operands for {}: {} and {}", operation, a.type_name(), b.type_name()));
}

[[noreturn]] void fail_overflow() {
  template_fail("a whole number does not fit 64 bits");
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t power = 1;
  if (base == 0 || base == 1)
    return exponent == 0 ? 1 : base;
  if (base == -1)
    return exponent % 2 == 0 ? 1 : -1;
  for (; exponent > 0; --exponent)
    if (__builtin_mul_overflow(power, base, &power))
      fail_overflow();
  return power;
}

/// a / b, rounded once: beyond 2^53 the numbers themselves are no doubles.
double exact_quotient(int64_t a, int64_t b) {
  const auto size = [](int64_t number) {
    return number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  };
  const uint64_t over = size(a);
  const uint64_t under = size(b);
  // Enough bits for a double and two more, the last of which stands for all that is cut off.
  const auto bits = [](uint64_t number) { return static_cast<int>(std::bit_width(number)); };
  const int shift = std::max(0, 55 + bits(under) - bits(over));
  const auto scaled = static_cast<unsigned __int128>(over) << shift;
  auto quotient = static_cast<uint64_t>(scaled / under);
  quotient |= static_cast<uint64_t>(scaled % under != 0);
  const double out = std::ldexp(static_cast<double>(quotient), -shift);
  return (a < 0) != (b < 0) ? -out : out;
}

double float_power(double a, double b) {
  if (a == 0.0 && b < 0.0)
    template_fail("0.0 cannot be raised to a negative power");
  if (a < 0.0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
    template_fail("a negative number has no such power here");
  const double power = std::pow(a, b);
  if (std::isinf(power) && std::isfinite(a) && std::isfinite(b))
    template_fail("the result of a power is too large");
  return power;
}

template_value integer_arithmetic(std::string_view operation, int64_t a, int64_t b) {
  int64_t out = 0;
  const char first = operation[0];
  if ((first == '/' || first == '%') && b == 0)
    template_fail("division by zero");
  if (operation == "+"   ? __builtin_add_overflow(a, b, &out)
      : operation == "-" ? __builtin_sub_overflow(a, b, &out)
                         : operation == "*" && __builtin_mul_overflow(a, b, &out))
    fail_overflow();
  if (operation == "/")
    return exact_quotient(a, b);
  if (operation == "**")
    return b < 0 ? template_value(float_power(static_cast<double>(a), static_cast<double>(b)))
                 : template_value(integer_power(a, b));
  if (b == -1 && (operation == "//" || operation == "%")) { // INT64_MIN / -1 traps
    if (operation == "//" && __builtin_sub_overflow(int64_t{0}, a, &out))
      fail_overflow();
    return out;
  }
  if (operation == "//")
    return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  if (operation == "%")
    return a % b + ((a % b != 0 && (a < 0) != (b < 0)) ? b : 0);
  return out;
}

template_value float_arithmetic(std::string_view operation, double a, double b) {
  if ((operation[0] == '/' || operation[0] == '%') && b == 0.0)
    template_fail("division by zero");
  if (operation == "+")
    return a + b;
  if (operation == "-")
    return a - b;
  if (operation == "*")
    return a * b;
  if (operation == "/")
    return a / b;
  if (operation == "**")
    return float_power(a, b);
  // As Python's divmod(): the quotient comes from the remainder, so that both fit together.
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest == 0.0) {
    rest = std::copysign(0.0, b);
  } else if ((rest < 0.0) != (b < 0.0)) {
    rest += b;
    quotient -= 1.0;
  }
  if (operation == "%")
    return rest;
  if (quotient == 0.0)
    return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

template_value repeated(template_meter& meter, const template_value& value, int64_t times) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  const std::size_t size = value.is_text() ? value.text().size() : value.list().items.size();
  uint64_t total = 0;
  if (__builtin_mul_overflow(count, uint64_t{size}, &total))
    template_over_limit("a repeated string or list is too long");
  if (value.is_text()) {
    meter.text(total);
    marked_text out;
    for (uint64_t i = 0; i < count && size > 0; ++i)
      out.append(value.text());
    return out.as_markup(value.text().is_markup());
  }
  meter.steps(total);
  std::vector<template_value> items;
  for (uint64_t i = 0; i < count && size > 0; ++i)
    items.insert(items.end(), value.list().items.begin(), value.list().items.end());
  return make_list(std::move(items), value.list().flavor);
}

std::partial_ordering compared(int64_t whole, double real) {
  if (std::isnan(real))
    return std::partial_ordering::unordered;
  if (!(std::abs(real) < 0x1p63))
    return real > 0 ? std::partial_ordering::less : std::partial_ordering::greater;
  const double floor = std::floor(real);
  const auto order = whole <=> static_cast<int64_t>(floor);
  return order == 0 && real > floor ? std::partial_ordering::less : std::partial_ordering(order);
}

/// Numbers as Python compares them: a whole one is not rounded to a float first.
std::partial_ordering compared(const template_value& a, const template_value& b) {
  if (a.is_float() && b.is_float())
    return a.number() <=> b.number();
  if (a.is_float())
    return 0 <=> compared(b.integer(), a.number());
  return b.is_float() ? compared(a.integer(), b.number()) : a.integer() <=> b.integer();
}

bool is_view(list_flavor flavor) {
  return flavor == list_flavor::keys || flavor == list_flavor::entries;
}

bool repeatable(const template_value& value) {
  return value.is_text() || (value.is_list() && (value.list().flavor == list_flavor::list ||
                                                 value.list().flavor == list_flavor::tuple));
}

template_value joined(template_meter& meter, const template_value& a, const template_value& b) {
  if (a.is_text() && b.is_text()) {
    meter.text(a.text().size() + b.text().size());
    if (a.text().is_markup() || b.text().is_markup()) {
      marked_text escaped = escaped_text(meter, a.text());
      escaped.append(escaped_text(meter, b.text()));
      return escaped;
    }
    marked_text out = a.text();
    out.append(b.text());
    return out;
  }
  if (a.is_list() && b.is_list() && repeatable(a) && a.list().flavor == b.list().flavor) {
    meter.steps(a.list().items.size() + b.list().items.size());
    std::vector<template_value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return make_list(std::move(items), a.list().flavor);
  }
  fail_operands("+", a, b);
}

} // namespace

bool is_true(const template_value& value) {
  if (value.is_none() || value.is_undefined())
    return false;
  if (value.is_number())
    return value.number() != 0.0;
  if (value.is_text())
    return value.text().size() > 0;
  if (value.is_list())
    return value.list().flavor == list_flavor::iterator || !value.list().items.empty();
  if (value.is_dict())
    return !value.dict().entries().empty();
  return true;
}

bool is_equal(template_meter& meter, const template_value& a, const template_value& b) {
  meter.steps(1);
  if (a.is_number() && b.is_number())
    return compared(a, b) == 0;
  if (a.is_text() && b.is_text())
    return a.bytes() == b.bytes();
  if (a.is_list() && b.is_list() && a.list().flavor == b.list().flavor && is_view(a.list().flavor)) {
    const auto in_other = [&](const template_value& item) { return contains(meter, b, item); };
    return a.list().items.size() == b.list().items.size() &&
           std::all_of(a.list().items.begin(), a.list().items.end(), in_other);
  }
  if (a.is_list() && b.is_list() && a.list().flavor == b.list().flavor && is_sequence(a.list().flavor)) {
    return std::equal(a.list().items.begin(), a.list().items.end(), b.list().items.begin(),
                      b.list().items.end(),
                      [&](const auto& left, const auto& right) { return is_equal(meter, left, right); });
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().entries().size() != b.dict().entries().size())
      return false;
    return std::all_of(a.dict().entries().begin(), a.dict().entries().end(), [&](const auto& entry) {
      const template_value* other = b.dict().find(entry.first);
      return other != nullptr && is_equal(meter, entry.second, *other);
    });
  }
  return (a.is_undefined() && b.is_undefined()) || a.same_as(b);
}

bool is_less(template_meter& meter, const template_value& a, const template_value& b) {
  meter.steps(1);
  if (a.is_number() && b.is_number())
    return compared(a, b) < 0;
  if (a.is_text() && b.is_text())
    return a.bytes() < b.bytes(); // UTF-8 sorts as its code points do
  if (a.is_list() && b.is_list() && repeatable(a) && a.list().flavor == b.list().flavor) {
    const auto& left = a.list().items;
    const auto& right = b.list().items;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (!is_equal(meter, left[i], right[i]))
        return is_less(meter, left[i], right[i]);
    return left.size() < right.size();
  }
  fail_operands("<", a, b);
}

bool contains(template_meter& meter, const template_value& hay, const template_value& needle) {
  if (hay.is_text()) {
    if (!needle.is_text())
      template_fail(fmt::format("'in <string>' needs a string on the left, got {}", needle.type_name()));
    meter.steps(hay.text().size() / 64 + 1);
    return hay.bytes().find(needle.bytes()) != std::string::npos;
  }
  if (hay.is_dict())
    return hay.dict().find(needle) != nullptr;
  if (hay.is_list() && hay.list().flavor == list_flavor::iterator) {
    auto& items = hay.list().items; // read up to where it is found
    auto at = items.begin();
    while (at != items.end() && !is_equal(meter, *at, needle))
      ++at;
    const bool found = at != items.end();
    items.erase(items.begin(), at + (found ? 1 : 0));
    return found;
  }
  for (const template_value& item : items_of(meter, hay))
    if (is_equal(meter, item, needle))
      return true;
  return false;
}

template_value arithmetic(template_meter& meter, std::string_view operation, const template_value& a,
                          const template_value& b) {
  if (a.is_number() && b.is_number())
    return a.is_float() || b.is_float() ? float_arithmetic(operation, a.number(), b.number())
                                        : integer_arithmetic(operation, a.integer(), b.integer());
  if (operation == "+")
    return joined(meter, a, b);
  if (operation == "%" && a.is_text())
    return percent_format(meter, a.text(), b);
  if (operation == "*" && repeatable(a) && b.is_number() && !b.is_float())
    return repeated(meter, a, b.integer());
  if (operation == "*" && repeatable(b) && a.is_number() && !a.is_float())
    return repeated(meter, b, a.integer());
  fail_operands(operation, a, b);
}

template_value negated(const template_value& value) {
  if (value.is_float())
    return -value.number();
  if (!value.is_number())
    fail_operands("-", value, value);
  return integer_arithmetic("-", 0, value.integer());
}

} // namespace troupe
