#include "model/template/number_format.hpp"

#include "model/template/format.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

bool is_digit_char(char c) {
  return c >= '0' && c <= '9';
}

bool is_align(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

[[noreturn]] void fail_specification(std::string_view specification, const template_value& value) {
  template_fail(fmt::format("the format '{}' does not suit a {}", specification, value.type_name()));
}

int64_t read_number(std::string_view text, std::size_t& at) {
  int64_t number = 0;
  for (; at < text.size() && is_digit_char(text[at]); ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > field_width_max)
      template_fail(fmt::format("a field of a format wider than {} is refused", field_width_max));
  }
  return number;
}

/// [[fill]align][sign][z][#][0][width][grouping][.precision][type]
field_style read_specification(std::string_view text, const template_value& value) {
  field_style style;
  bool filled = false;
  std::size_t at = 0;
  std::size_t after_first = 0;
  if (!text.empty())
    next_code_point(text, after_first);
  if (after_first > 0 && after_first < text.size() && is_align(text[after_first])) {
    style.fill = std::string(text.substr(0, after_first));
    filled = true;
    style.align = text[after_first];
    at = after_first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    style.align = text[at++];
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' '))
    style.sign = text[at++];
  if (at < text.size() && text[at] == '#') {
    style.alternate = true;
    ++at;
  }
  if (at < text.size() && text[at] == '0') {
    if (!filled)
      style.fill = "0";
    if (!filled && style.align == 0 && !value.is_text())
      style.align = '=';
    ++at;
  }
  style.width = read_number(text, at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_'))
    style.grouping = text[at++];
  if (at < text.size() && text[at] == '.') {
    if (++at == text.size() || !is_digit_char(text[at]))
      fail_specification(text, value);
    style.precision = read_number(text, at);
  }
  if (at < text.size())
    style.type = text[at++];
  if (at < text.size())
    fail_specification(text, value);
  return style;
}

std::string grouped(const std::string& digits, char separator, std::size_t group, std::size_t width) {
  std::string out;
  const std::size_t whole =
      group == 3 ? std::min(digits.find_first_not_of("0123456789"), digits.size()) : digits.size();
  std::string padded_digits = digits.substr(0, whole);
  // Zeros of the padding are grouped too: "0,001".
  const auto size_with = [&](std::size_t count) { return count + (count - 1) / group; };
  while (!padded_digits.empty() && size_with(padded_digits.size()) + digits.size() - whole < width)
    padded_digits.insert(0, 1, '0');
  for (std::size_t i = 0; i < padded_digits.size(); ++i) {
    if (i > 0 && (padded_digits.size() - i) % group == 0)
      out += separator;
    out += padded_digits[i];
  }
  return out + digits.substr(whole);
}

marked_text formatted_text(template_meter& meter, const template_value& value, const field_style& style,
                           std::string_view specification) {
  if ((style.type != 0 && style.type != 's') || style.sign != 0 || style.alternate || style.grouping != 0 ||
      style.align == '=')
    fail_specification(specification, value);
  marked_text text = value.text().as_markup(false);
  if (style.precision >= 0)
    text = text.slice(0, code_point_offset(text.bytes(), static_cast<std::size_t>(style.precision)));
  return padded(meter, style, text, '<');
}

marked_text formatted_integer(template_meter& meter, const template_value& value, const field_style& style,
                              std::string_view specification) {
  const int64_t number = value.integer();
  if (style.precision >= 0)
    fail_specification(specification, value);
  if (style.type == 'c') {
    if (number < 0 || number > 0x10FFFF || style.sign != 0 || style.alternate || style.grouping != 0)
      fail_specification(specification, value);
    std::string one;
    append_code_point(one, static_cast<uint32_t>(number));
    return padded(meter, style, marked_text(one, false), '>');
  }
  const char type = style.type == 0 || style.type == 'n' ? 'd' : style.type;
  if (std::string_view("bodxX").find(type) == std::string_view::npos ||
      (style.grouping == ',' && type != 'd'))
    fail_specification(specification, value);
  const std::string prefix = style.alternate && type != 'd' ? std::string{'0', type} : "";
  return number_field(meter, style, number < 0, prefix, integer_digits(number, type));
}

/// As g, but there is a digit behind the point and exponents begin one digit earlier.
std::string short_digits(double number, int64_t precision) {
  std::string digits = float_digits(number, 'e', precision - 1, false);
  const std::size_t e = digits.find('e');
  if (e == std::string::npos)
    return digits;
  const int exponent = std::stoi(digits.substr(e + 1));
  if (exponent >= -4 && exponent < precision - 1) {
    digits = float_digits(number, 'g', precision, false);
    return digits.find('.') == std::string::npos ? digits + ".0" : digits;
  }
  std::size_t last = e;
  while (digits.find('.') < last && (digits[last - 1] == '0' || digits[last - 1] == '.'))
    --last;
  return digits.substr(0, last) + digits.substr(e);
}

marked_text formatted_float(template_meter& meter, const template_value& value, const field_style& style,
                            std::string_view specification) {
  const double number = value.number();
  if (style.type != 0 && std::string_view("eEfFgGn%").find(style.type) == std::string_view::npos)
    fail_specification(specification, value);
  std::string digits;
  if (style.type == 0 && style.precision < 0) {
    digits = float_repr(std::abs(number));
  } else if (style.type == 0) {
    digits = short_digits(std::abs(number), std::max<int64_t>(style.precision, 1));
  } else {
    digits = float_digits(std::abs(number), style.type == 'n' ? 'g' : style.type, style.precision,
                          style.alternate);
  }
  return number_field(meter, style, std::signbit(number) && !std::isnan(number), "", digits);
}

} // namespace

std::string float_digits(double number, char type, int64_t precision, bool alternate) {
  const bool upper = type == 'E' || type == 'F' || type == 'G';
  if (!std::isfinite(number)) {
    std::string text = std::isnan(number) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    return type == '%' ? text + "%" : text;
  }
  const int digits = static_cast<int>(precision < 0 ? 6 : precision);
  if (type == '%')
    return float_digits(number * 100, 'f', precision, alternate) + "%";
  switch (type) {
  case 'e':
    return alternate ? fmt::format("{:#.{}e}", number, digits) : fmt::format("{:.{}e}", number, digits);
  case 'E':
    return alternate ? fmt::format("{:#.{}E}", number, digits) : fmt::format("{:.{}E}", number, digits);
  case 'g':
    return alternate ? fmt::format("{:#.{}g}", number, digits) : fmt::format("{:.{}g}", number, digits);
  case 'G':
    return alternate ? fmt::format("{:#.{}G}", number, digits) : fmt::format("{:.{}G}", number, digits);
  default:
    return alternate ? fmt::format("{:#.{}f}", number, digits) : fmt::format("{:.{}f}", number, digits);
  }
}

std::string integer_digits(int64_t number, char type) {
  const uint64_t size = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  switch (type) {
  case 'b':
    return fmt::format("{:b}", size);
  case 'o':
    return fmt::format("{:o}", size);
  case 'x':
    return fmt::format("{:x}", size);
  case 'X':
    return fmt::format("{:X}", size);
  default:
    return fmt::format("{}", size);
  }
}

marked_text padded(template_meter& meter, const field_style& style, const marked_text& text, char align) {
  const auto length = static_cast<int64_t>(count_code_points(text.bytes()));
  const int64_t missing = std::max<int64_t>(style.width - length, 0);
  meter.text(text.size() + static_cast<uint64_t>(missing) * style.fill.size());
  align = style.align != 0 ? style.align : align;
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  marked_text out;
  for (int64_t i = 0; i < left; ++i)
    out.append(style.fill, false);
  out.append(text);
  for (int64_t i = left; i < missing; ++i)
    out.append(style.fill, false);
  return out;
}

marked_text number_field(template_meter& meter, const field_style& style, bool negative, std::string prefix,
                         std::string digits) {
  prefix.insert(0, negative ? "-" : style.sign == '+' || style.sign == ' ' ? std::string(1, style.sign) : "");
  const auto width = static_cast<std::size_t>(style.width);
  const bool zeros = style.align == '=' && style.fill == "0";
  if (style.grouping != 0) {
    const bool thousands = std::string_view("boxX").find(style.type) == std::string_view::npos;
    const std::size_t room = zeros && width > prefix.size() ? width - prefix.size() : 0;
    digits = grouped(digits, style.grouping, thousands ? 3 : 4, room);
  }
  if (style.align == '=') {
    std::string filling;
    for (std::size_t size = prefix.size() + digits.size(); size < width; ++size)
      filling += style.fill;
    meter.text(filling.size());
    return {prefix + filling + digits, false};
  }
  return padded(meter, style, marked_text(prefix + digits, false), '>');
}

marked_text formatted(template_meter& meter, const template_value& value, std::string_view specification) {
  if (specification.empty())
    return to_text(meter, value);
  if (!value.is_text() && !value.is_number())
    fail_specification(specification, value);
  const field_style style = read_specification(specification, value);
  if (value.is_text())
    return formatted_text(meter, value, style, specification);
  const bool as_float =
      value.is_float() ||
      (style.type != 0 && std::string_view("eEfFgG%").find(style.type) != std::string_view::npos);
  return as_float ? formatted_float(meter, value, style, specification)
                  : formatted_integer(meter, value, style, specification);
}

} // namespace troupe
