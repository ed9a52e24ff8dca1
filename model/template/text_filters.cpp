#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

template <marked_text (*Change)(template_meter&, const marked_text&)>
template_value change_filter(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "this filter", {});
  return Change(meter, to_text(meter, value));
}

/// Jinja's title: upper case at the start and after white space, '-', '(', '{', '[' and '<'.
marked_text title_words(template_meter& meter, const marked_text& text) {
  meter.text(text.size());
  marked_text out;
  bool inside = false;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (std::size_t at = 0; at < bytes.size();) {
      const uint32_t c = next_code_point(bytes, at);
      inside ? append_lower(run, c) : append_upper(run, c);
      inside = !(is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<');
    }
    out.append(run, plain);
  });
  return out;
}

template_value trim(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "trim", {"chars"});
  return stripped_text(meter, to_text(meter, value), true, true, bound[0]);
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
  return to_text(meter, value);
}

template_value escape(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "escape", {});
  const marked_text text = to_text(meter, value);
  marked_text out;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    for (const char c : bytes) {
      const std::string_view one(&c, 1);
      out.append(c == '&'    ? "&amp;"
                 : c == '<'  ? "&lt;"
                 : c == '>'  ? "&gt;"
                 : c == '\'' ? "&#39;"
                 : c == '"'  ? "&#34;"
                             : one,
                 plain);
    }
  });
  meter.text(out.size());
  return out;
}

template_value indent(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "indent", {"width", "first", "blank"});
  marked_text margin("    ", false);
  if (bound[0] != nullptr && bound[0]->is_text()) {
    margin = bound[0]->text();
  } else if (bound[0] != nullptr) {
    const int64_t width = integer_argument(*bound[0], "indent");
    meter.text(static_cast<uint64_t>(std::max<int64_t>(width, 0)));
    margin = marked_text(std::string(static_cast<std::size_t>(std::max<int64_t>(width, 0)), ' '), false);
  }
  const bool first = bound[1] != nullptr && is_true(*bound[1]);
  const bool blank = bound[2] != nullptr && is_true(*bound[2]);
  marked_text text = text_argument(value, "indent");
  text.append("\n", false); // so that a last empty line counts
  const std::vector<marked_text> lines = lines_of(meter, text);
  marked_text out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0)
      out.append("\n", false);
    if (i == 0 ? first : (blank || lines[i].size() > 0))
      out.append(margin);
    out.append(lines[i]);
    meter.text(lines[i].size() + margin.size());
  }
  meter.text(out.size());
  return out;
}

template_value format(meter_ref meter, value_ref value, arguments_ref arguments) {
  const marked_text text = to_text(meter, value);
  if (arguments.named.empty())
    return percent_format(meter, text, make_list(arguments.positional, list_flavor::tuple));
  auto named = std::make_shared<template_dict>();
  for (const auto& [name, each] : arguments.named)
    named->set(marked_text(name, false), each);
  return percent_format(meter, text, named);
}

/// Python's int(text, base), or nothing.
bool parse_integer(std::string_view text, int base, int64_t& number) {
  const strip_range kept = strip(text, true, true);
  text = text.substr(kept.first, kept.last - kept.first);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && (i == 0 || i + 1 == text.size() || text[i - 1] == '_'))
      return false;
    if (text[i] != '_')
      digits += text[i];
  }
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+'))
    digits.erase(0, 1);
  if (base == 16 && (digits.starts_with("0x") || digits.starts_with("0X")))
    digits.erase(0, 2);
  if (digits.empty() || digits[0] == '-')
    return false;
  if (minus)
    digits = fmt::format("-{}", digits);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
}

/// Python's float(text), or nothing.
bool parse_float(std::string_view text, double& number) {
  const strip_range kept = strip(text, true, true);
  text = text.substr(kept.first, kept.last - kept.first);
  if (text.starts_with('+'))
    text.remove_prefix(1);
  if (text.empty() || text[0] == '+')
    return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

template_value to_integer(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "int", {"default", "base"});
  const template_value otherwise = bound[0] != nullptr ? *bound[0] : template_value(int64_t{0});
  const int64_t base = bound[1] != nullptr ? integer_argument(*bound[1], "int") : 10;
  if (base < 2 || base > 36)
    template_fail("int() needs a base from 2 to 36");
  int64_t whole = 0;
  double real = 0;
  if (value.is_number() && !value.is_float())
    return value.integer();
  if (value.is_text() && parse_integer(value.bytes(), static_cast<int>(base), whole))
    return whole;
  if (value.is_float())
    real = value.number();
  else if (!value.is_text() || !parse_float(value.bytes(), real))
    return otherwise;
  return std::abs(real) < 0x1p63 ? template_value(static_cast<int64_t>(real)) : otherwise;
}

template_value to_float(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "float", {"default"});
  double number = 0;
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

template_value round(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "round", {"precision", "method"});
  const int64_t precision = bound[0] != nullptr ? integer_argument(*bound[0], "round") : 0;
  const std::string method = bound[1] != nullptr ? text_argument(*bound[1], "round").bytes() : "common";
  if (!value.is_number() || precision < -300 || precision > 300)
    template_fail("round needs a number and a precision within 300");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil")
    return std::ceil(value.number() * scale) / scale;
  if (method == "floor")
    return std::floor(value.number() * scale) / scale;
  if (method != "common")
    template_fail("round's method is common, ceil or floor");
  if (precision < 0)
    return std::nearbyint(value.number() * scale) / scale;
  double rounded = 0; // through decimal digits, as Python does: half to even of the exact value
  const std::string digits = fmt::format("{:.{}f}", value.number(), precision);
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return value.is_float() ? template_value(rounded) : template_value(value.integer());
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
    {"safe", string},
    {"escape", escape},
    {"e", escape},
    {"indent", indent},
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
