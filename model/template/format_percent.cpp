#include "model/template/format.hpp"
#include "model/template/number_format.hpp"
#include "model/template/text_tools.hpp"
#include "model/template/unicode.hpp"

#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

/// One `format % arguments`: walks the format, takes the arguments.
class percent_formatter {
public:
  percent_formatter(template_meter& meter, const marked_text& format, const template_value& arguments)
      : meter_(meter), format_(format), bytes_(format.bytes()), arguments_(arguments) {
    values_.push_back(arguments);
    if (arguments.is_list() && arguments.list().flavor == list_flavor::tuple)
      values_ = arguments.list().items;
  }

  marked_text run() {
    marked_text out;
    while (at_ < bytes_.size()) {
      const std::size_t percent = std::min(bytes_.find('%', at_), bytes_.size());
      out.append(format_, at_, percent);
      if (percent == bytes_.size())
        break;
      at_ = percent + 1;
      out.append(conversion());
      meter_.text(out.size());
    }
    // Python lets what can be indexed go unused: a dict, a list, an undefined value.
    if (used_ < values_.size() && !keyed_ && !arguments_.is_dict() && !arguments_.is_undefined() &&
        !(arguments_.is_list() &&
          (arguments_.list().flavor == list_flavor::list || arguments_.list().flavor == list_flavor::range)))
      template_fail("a format has fewer conversions than arguments");
    return out.as_markup(format_.is_markup());
  }

private:
  const template_value& next_argument() {
    if (used_ >= values_.size())
      template_fail("a format has more conversions than arguments");
    return values_[used_++];
  }

  int64_t number() {
    if (at_ < bytes_.size() && bytes_[at_] == '*') {
      ++at_;
      const int64_t given = integer_argument(next_argument(), "*");
      if (std::abs(static_cast<double>(given)) > static_cast<double>(field_width_max))
        template_fail(fmt::format("a field of a format wider than {} is refused", field_width_max));
      return given;
    }
    int64_t read = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_) {
      read = read * 10 + (bytes_[at_] - '0');
      if (read > field_width_max)
        template_fail(fmt::format("a field of a format wider than {} is refused", field_width_max));
    }
    return read;
  }

  /// at_ stands behind the '%'.
  marked_text conversion() {
    const template_value* keyed = key();
    field_style style;
    bool left = false;
    bool zero = false;
    for (; at_ < bytes_.size() && std::string_view("-+ #0").find(bytes_[at_]) != std::string_view::npos;
         ++at_) {
      left |= bytes_[at_] == '-';
      zero |= bytes_[at_] == '0';
      style.alternate |= bytes_[at_] == '#';
      if (bytes_[at_] == '+' || (bytes_[at_] == ' ' && style.sign == 0))
        style.sign = bytes_[at_];
    }
    style.width = number();
    left |= style.width < 0;
    style.width = std::abs(style.width);
    if (at_ < bytes_.size() && bytes_[at_] == '.') {
      ++at_;
      style.precision = std::max<int64_t>(number(), 0);
    }
    if (at_ < bytes_.size() && std::string_view("hlL").find(bytes_[at_]) != std::string_view::npos)
      ++at_;
    if (at_ >= bytes_.size())
      template_fail("a format ends inside a conversion");
    style.type = bytes_[at_++];
    if (style.type == '%')
      return {"%", false};
    style.align = left ? '<' : '>';
    if (zero && !left && std::string_view("srac").find(style.type) == std::string_view::npos) {
      style.fill = "0";
      style.align = '=';
    }
    return convert(style, keyed != nullptr ? *keyed : next_argument());
  }

  const template_value* key() {
    if (at_ >= bytes_.size() || bytes_[at_] != '(')
      return nullptr;
    int open = 0;
    const std::size_t first = at_ + 1;
    do {
      open += bytes_[at_] == '(' ? 1 : bytes_[at_] == ')' ? -1 : 0;
      ++at_;
    } while (open > 0 && at_ < bytes_.size());
    if (open > 0)
      template_fail("a format has an unclosed key");
    if (!arguments_.is_dict())
      template_fail(fmt::format("a format with keys needs a mapping, got {}", arguments_.type_name()));
    keyed_ = true;
    const std::string name = bytes_.substr(first, at_ - 1 - first);
    const template_value* value = arguments_.dict().find(name);
    if (value == nullptr)
      template_fail(fmt::format("a format's key '{}' is not among the arguments", name));
    return value;
  }

  marked_text convert(const field_style& style, const template_value& value) {
    switch (style.type) {
    case 's':
    case 'r':
    case 'a':
      return text(style, value);
    case 'c':
      return character(style, value);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return integer(style, value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (!value.is_number())
        template_fail(fmt::format("%{} needs a number, got {}", style.type, value.type_name()));
      return number_field(
          meter_, style, std::signbit(value.number()) && !std::isnan(value.number()), "",
          float_digits(std::abs(value.number()), style.type, style.precision, style.alternate));
    default:
      template_fail(fmt::format("a format has no conversion %{}", style.type));
    }
  }

  marked_text text(const field_style& style, const template_value& value) {
    marked_text shown = style.type == 's' ? to_text(meter_, value) : to_repr(meter_, value);
    if (style.type == 'a')
      shown = ascii_text(shown);
    if (format_.is_markup())
      shown = escaped_text(meter_, shown).as_markup(false);
    if (style.precision >= 0)
      shown = shown.slice(0, code_point_offset(shown.bytes(), static_cast<std::size_t>(style.precision)));
    return padded(meter_, style, shown, '>');
  }

  marked_text character(const field_style& style, const template_value& value) {
    if (value.is_text() && count_code_points(value.bytes()) == 1)
      return padded(meter_, style, value.text(), '>');
    const int64_t code_point = value.is_number() && !value.is_float() ? value.integer() : -1;
    if (code_point < 0 || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
      template_fail("%c needs a character or its number");
    std::string one;
    append_code_point(one, static_cast<uint32_t>(code_point));
    return padded(meter_, style, marked_text(one, false), '>');
  }

  marked_text integer(const field_style& style, const template_value& value) {
    const bool hexadecimal = std::string_view("xXo").find(style.type) != std::string_view::npos;
    if (!value.is_number() || (hexadecimal && value.is_float()))
      template_fail(fmt::format("%{} needs a whole number, got {}", style.type, value.type_name()));
    if (value.is_float() && !std::isfinite(value.number()))
      template_fail(fmt::format("%{} needs a finite number", style.type));
    if (value.is_float() && !(std::abs(value.number()) < 0x1p63))
      template_fail("a whole number does not fit 64 bits");
    const int64_t whole = value.is_float() ? static_cast<int64_t>(value.number()) : value.integer();
    std::string digits = integer_digits(whole, hexadecimal ? style.type : 'd');
    while (static_cast<int64_t>(digits.size()) < style.precision)
      digits.insert(0, 1, '0');
    return number_field(meter_, style, whole < 0,
                        style.alternate && hexadecimal ? std::string{'0', style.type} : "", digits);
  }

  template_meter& meter_;
  const marked_text& format_;
  const std::string& bytes_;
  const template_value& arguments_;
  std::vector<template_value> values_;
  std::size_t used_ = 0;
  std::size_t at_ = 0;
  bool keyed_ = false;
};

} // namespace

marked_text percent_format(template_meter& meter, const marked_text& format,
                           const template_value& arguments) {
  return percent_formatter(meter, format, arguments).run();
}

} // namespace troupe
