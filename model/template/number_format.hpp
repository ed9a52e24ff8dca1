#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// How `%` and str.format() write one value: the parts of "%-08.3f" and of "{:*^+#10,.2f}".
struct field_style {
  std::string fill = " "; // one code point
  char align = 0;         // '<' '>' '^' '=' or 0: as the type has it
  char sign = 0;          // '+': also of positive numbers, ' ': a space instead
  bool alternate = false; // 0x, 0o, 0b in front; a point in any case
  int64_t width = 0;      // code points
  char grouping = 0;      // ',' or '_' between thousands
  int64_t precision = -1; // -1: not given
  char type = 0;          // 0: not given
};

/// Widths and precisions above this are refused.
inline constexpr int64_t field_width_max = 1000;

/// Digits of a float without sign, as Python's e, E, f, F, g, G and % have them.
std::string float_digits(double number, char type, int64_t precision, bool alternate);

/// Digits of a whole number without sign in base 2, 8, 10 or 16, chosen by b, o, d, x and X.
std::string integer_digits(int64_t number, char type);

/// Pads to the style's width.
marked_text padded(template_meter& meter, const field_style& style, const marked_text& text, char align);

/// Sign, prefix, digits, grouping and padding of a number.
marked_text number_field(template_meter& meter, const field_style& style, bool negative, std::string prefix,
                         std::string digits);

/// format(value, specification) of strings and numbers; others take an empty specification only.
marked_text formatted(template_meter& meter, const template_value& value, std::string_view specification);

} // namespace troupe
