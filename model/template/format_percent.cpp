#include "model/template/format.hpp"
#include "model/template/unicode.hpp"

#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int field_width_max = 1000;

struct conversion {
  bool left = false;
  bool zero = false;
  bool plus = false;
  int width = 0;
  int precision = -1;
  char type = 0;
  std::string key;
};

int read_number(std::string_view format, std::size_t& at) {
  int number = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    number = number * 10 + (format[at] - '0');
    if (number > field_width_max)
      template_fail(fmt::format("a field of a format is wider than {}", field_width_max));
  }
  return number;
}

/// at stands behind the '%'.
conversion read_conversion(std::string_view format, std::size_t& at) {
  conversion found;
  if (at < format.size() && format[at] == '(') {
    const std::size_t close = format.find(')', at);
    if (close == std::string_view::npos)
      template_fail("a format has an unclosed key");
    found.key = std::string(format.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  for (; at < format.size(); ++at) {
    if (format[at] == '-')
      found.left = true;
    else if (format[at] == '0')
      found.zero = true;
    else if (format[at] == '+')
      found.plus = true;
    else
      break;
  }
  found.width = read_number(format, at);
  if (at < format.size() && format[at] == '.')
    found.precision = read_number(format, ++at);
  if (at >= format.size())
    template_fail("a format ends inside a conversion");
  found.type = format[at++];
  return found;
}

std::string number_text(const conversion& how, const template_value& value) {
  if (!value.is_number())
    template_fail(fmt::format("%{} needs a number, got {}", how.type, value.type_name()));
  const bool real = how.type == 'f' || how.type == 'F';
  if (!real && !(std::abs(value.number()) < 0x1p63))
    template_fail("a number of a format does not fit 64 bits");
  const int64_t whole = value.is_float() && !real ? static_cast<int64_t>(value.number()) : 0;
  std::string text;
  if (real)
    text = fmt::format("{:.{}f}", value.number(), how.precision < 0 ? 6 : how.precision);
  else if (how.type == 'x')
    text = fmt::format("{:x}", value.is_float() ? whole : value.integer());
  else
    text = fmt::format("{}", value.is_float() ? whole : value.integer());
  if (how.plus && text[0] != '-')
    text = fmt::format("+{}", text);
  if (how.zero && !how.left && static_cast<int>(text.size()) < how.width)
    text.insert(text[0] == '-' || text[0] == '+' ? 1 : 0, static_cast<std::size_t>(how.width) - text.size(),
                '0');
  return text;
}

marked_text convert(template_meter& meter, const conversion& how, const template_value& value) {
  marked_text text;
  switch (how.type) {
  case 's':
    text = to_text(meter, value);
    break;
  case 'r':
    text = to_repr(meter, value);
    break;
  case 'd':
  case 'i':
  case 'x':
  case 'f':
  case 'F':
    text.append(number_text(how, value), false);
    break;
  default:
    template_fail(fmt::format("the conversion %{} is not supported", how.type));
  }
  if (how.precision >= 0 && (how.type == 's' || how.type == 'r'))
    text = text.slice(0, code_point_offset(text.bytes(), static_cast<std::size_t>(how.precision)));
  const auto length = static_cast<int>(count_code_points(text.bytes()));
  if (length >= how.width)
    return text;
  const marked_text padding(std::string(static_cast<std::size_t>(how.width - length), ' '), false);
  marked_text out = how.left ? text : padding;
  out.append(how.left ? padding : text);
  return out;
}

} // namespace

marked_text percent_format(template_meter& meter, const marked_text& format,
                           const template_value& arguments) {
  std::vector<template_value> values{arguments};
  if (arguments.is_list() && arguments.list().flavor == list_flavor::tuple)
    values = arguments.list().items;
  std::size_t used = 0;
  bool keyed = false;
  marked_text out;
  const std::string& bytes = format.bytes();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t percent = std::min(bytes.find('%', at), bytes.size());
    out.append(format, at, percent);
    if (percent == bytes.size())
      break;
    at = percent + 1;
    const conversion how = read_conversion(bytes, at);
    if (how.type == '%') {
      out.append("%", false);
      continue;
    }
    const template_value* value = nullptr;
    if (!how.key.empty()) {
      keyed = true;
      value = arguments.is_dict() ? arguments.dict().find(how.key) : nullptr;
    } else if (used < values.size()) {
      value = &values[used++];
    }
    if (value == nullptr)
      template_fail("a format has more conversions than arguments");
    out.append(convert(meter, how, *value));
    meter.text(out.size());
  }
  if (!keyed && used < values.size() && !arguments.is_dict())
    template_fail("a format has fewer conversions than arguments");
  return out;
}

} // namespace troupe
