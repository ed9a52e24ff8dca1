#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

/// As to_text, but markup stays markup.
marked_text soft_text(meter_ref meter, value_ref value) {
  return value.is_text() ? value.text() : to_text(meter, value);
}

template <marked_text (*Change)(template_meter&, const marked_text&)>
template_value change_filter(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "this filter", {});
  return Change(meter, soft_text(meter, value));
}

template_value trim(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "trim", {"chars"});
  return stripped_text(meter, soft_text(meter, value), true, true, bound[0]);
}

template_value replace(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "replace", {"old", "new", "count"}, 2);
  const int64_t count =
      bound[2] != nullptr && !bound[2]->is_none() ? integer_argument(*bound[2], "replace") : -1;
  return replaced_text(meter, to_text(meter, value), to_text(meter, *bound[0]), to_text(meter, *bound[1]),
                       count);
}

template_value string(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "string", {});
  return soft_text(meter, value);
}

template_value format(meter_ref meter, value_ref value, arguments_ref arguments) {
  const marked_text text = soft_text(meter, value);
  if (!arguments.named.empty() && !arguments.positional.empty())
    template_fail("format takes arguments by position or by name, not both");
  if (arguments.named.empty())
    return percent_format(meter, text, make_list(arguments.positional, list_flavor::tuple));
  auto named = std::make_shared<template_dict>();
  for (const auto& [name, each] : arguments.named)
    named->set(marked_text(name, false), each);
  return percent_format(meter, text, named);
}

/// Drops single underscores between digits; false where they stand elsewhere.
bool drop_underscores(std::string& digits) {
  for (std::size_t i = 0; i < digits.size(); ++i)
    if (digits[i] == '_' &&
        (i == 0 || i + 1 == digits.size() || std::isalnum(static_cast<unsigned char>(digits[i - 1])) == 0 ||
         std::isalnum(static_cast<unsigned char>(digits[i + 1])) == 0))
      return false;
  std::erase(digits, '_');
  return true;
}

std::string stripped_bytes(std::string_view text) {
  const strip_range kept = strip(text, true, true);
  return std::string(text.substr(kept.first, kept.last - kept.first));
}

/// Python's int(text, base), or nothing. Fails beyond 64 bits.
bool parse_integer(std::string_view text, int64_t base, int64_t& number) {
  std::string digits = stripped_bytes(text);
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+'))
    digits.erase(0, 1);
  const char marker = digits.size() > 1 && digits[0] == '0' ? static_cast<char>(digits[1] | 0x20) : ' ';
  const int64_t marked = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 0;
  if (marked != 0 && (base == marked || base == 0)) {
    base = marked;
    digits.erase(0, digits.size() > 2 && digits[2] == '_' ? 3 : 2);
  } else if (base == 0) {
    base = 10;
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("0_") != std::string::npos)
      return false;
  }
  if (digits.empty() || digits[0] == '-' || digits[0] == '+' || base < 2 || base > 36 ||
      !drop_underscores(digits))
    return false;
  if (minus)
    digits.insert(0, 1, '-');
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, static_cast<int>(base));
  if (parsed.ptr != digits.data() + digits.size() || parsed.ec == std::errc::invalid_argument)
    return false;
  if (parsed.ec != std::errc())
    template_fail("a whole number does not fit 64 bits");
  return true;
}

/// Python's float(text), or nothing.
bool parse_float(std::string_view text, double& number) {
  std::string digits = stripped_bytes(text);
  if (digits.starts_with('+'))
    digits.erase(0, 1);
  if (digits.empty() || digits[0] == '+' || digits.find('(') != std::string::npos ||
      !drop_underscores(digits))
    return false;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ptr != digits.data() + digits.size())
    return false;
  if (parsed.ec == std::errc::result_out_of_range) { // too large for a double, or too small
    const bool tiny = digits.find("e-") != std::string::npos || digits.find("E-") != std::string::npos;
    number = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    number = digits[0] == '-' ? -number : number;
    return true;
  }
  return parsed.ec == std::errc();
}

template_value to_integer(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "int", {"default", "base"});
  const template_value otherwise = bound[0] != nullptr ? *bound[0] : template_value(int64_t{0});
  const int64_t base = bound[1] != nullptr ? integer_argument(*bound[1], "int") : 10;
  int64_t whole = 0;
  double real = 0;
  if (value.is_undefined())
    template_fail(value.reason());
  if (value.is_number() && !value.is_float())
    return value.integer();
  if (value.is_text() && parse_integer(value.bytes(), base, whole))
    return whole;
  if (value.is_float())
    real = value.number();
  else if (!value.is_text() || !parse_float(value.bytes(), real))
    return otherwise;
  if (value.is_float() && std::isinf(real))
    template_fail("an infinite number has no whole one");
  if (!std::isfinite(real))
    return otherwise;
  if (!(std::abs(real) < 0x1p63))
    template_fail("a whole number does not fit 64 bits");
  return static_cast<int64_t>(real);
}

template_value to_float(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "float", {"default"});
  double number = 0;
  if (value.is_undefined())
    template_fail(value.reason());
  if (value.is_number())
    return value.number();
  if (value.is_text() && parse_float(value.bytes(), number))
    return number;
  return bound[0] != nullptr ? *bound[0] : template_value(0.0);
}

template_value absolute(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "abs", {});
  if (!value.is_number())
    template_fail(fmt::format("abs needs a number, got {}", value.type_name()));
  return value.number() < 0 ? negated(value) : arithmetic(meter, "+", value, int64_t{0});
}

/// Half to even on the exact decimal value, as Python rounds.
template_value rounded(value_ref value, int64_t precision) {
  if (!value.is_float()) {
    if (precision >= 0)
      return value.integer();
    if (precision < -18)
      return int64_t{0};
    const __int128 unit = static_cast<__int128>(std::pow(10.0, static_cast<double>(-precision)));
    const __int128 number = value.integer();
    __int128 quotient = number / unit - (number % unit < 0 ? 1 : 0);
    const __int128 twice = 2 * (number - quotient * unit);
    quotient += twice > unit || (twice == unit && quotient % 2 != 0) ? 1 : 0;
    const __int128 result = quotient * unit;
    if (result > std::numeric_limits<int64_t>::max() || result < std::numeric_limits<int64_t>::min())
      template_fail("a whole number does not fit 64 bits");
    return static_cast<int64_t>(result);
  }
  if (!std::isfinite(value.number()))
    return value;
  double out = 0;
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value.number() / scale) * scale;
  }
  const std::string digits = fmt::format("{:.{}f}", value.number(), precision);
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

template_value round(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "round", {"precision", "method"});
  const int64_t precision = bound[0] != nullptr ? integer_argument(*bound[0], "round") : 0;
  const std::string method = bound[1] != nullptr ? text_argument(*bound[1], "round").bytes() : "common";
  if (!value.is_number() || precision < -300 || precision > 300)
    template_fail("round needs a number and a precision within 300");
  if (method == "common")
    return rounded(value, precision);
  if (method != "ceil" && method != "floor")
    template_fail("round's method is common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = value.number() * scale;
  if (!std::isfinite(scaled))
    template_fail("round cannot make a whole number of an infinite one");
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale + 0.0;
}

template_value tojson(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound =
      bind_arguments(arguments, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  json_style style;
  style.ascii_only = bound[0] != nullptr && is_true(*bound[0]);
  style.sort_keys = bound[3] != nullptr && is_true(*bound[3]);
  if (bound[1] != nullptr && !bound[1]->is_none()) {
    style.indented = true;
    style.item_separator = marked_text(",", false);
    if (bound[1]->is_text()) {
      style.indent = bound[1]->text();
    } else {
      const int64_t width = std::max<int64_t>(integer_argument(*bound[1], "tojson"), 0);
      meter.text(static_cast<uint64_t>(width));
      style.indent = marked_text(std::string(static_cast<std::size_t>(width), ' '), false);
    }
  }
  if (bound[2] != nullptr && !bound[2]->is_none()) {
    const std::vector<template_value> pair = items_of(meter, *bound[2]);
    if (pair.size() != 2)
      template_fail("tojson's separators are a pair of strings");
    style.item_separator = text_argument(pair[0], "tojson");
    style.key_separator = text_argument(pair[1], "tojson");
  }
  return to_json(meter, value, style);
}

constexpr named_filter filters[] = {
    {"trim", trim},
    {"upper", change_filter<upper_text>},
    {"lower", change_filter<lower_text>},
    {"capitalize", change_filter<capitalized_text>},
    {"title", change_filter<title_words>},
    {"replace", replace},
    {"string", string},
    {"format", format},
    {"int", to_integer},
    {"float", to_float},
    {"abs", absolute},
    {"round", round},
    {"tojson", tojson},
};

} // namespace

template_filter find_text_filter(std::string_view name) {
  const auto found = std::find_if(std::begin(filters), std::end(filters),
                                  [name](const named_filter& each) { return each.name == name; });
  return found == std::end(filters) ? nullptr : found->filter;
}

} // namespace troupe
