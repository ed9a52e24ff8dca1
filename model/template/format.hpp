#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// Python's str(): what printing a value gives.
marked_text to_text(template_meter& meter, const template_value& value);

/// Python's repr(): strings quoted.
marked_text to_repr(template_meter& meter, const template_value& value);

/// What is not ASCII as \x.., \u.... or \U........, as Python's ascii() has it.
marked_text ascii_text(const marked_text& text);

/// Python's repr of a float: the shortest digits that read back the same.
std::string float_repr(double number);

/// Python's `format % arguments`. Widths and precisions are bounded by field_width_max.
marked_text percent_format(template_meter& meter, const marked_text& format, const template_value& arguments);

/// Python's str.format() with attribute and item paths, conversions and specifications.
marked_text brace_format(template_meter& meter, const marked_text& format, const call_arguments& arguments);

struct json_style {
  bool ascii_only = false;
  bool sort_keys = false;
  bool indented = false;
  marked_text indent;
  marked_text item_separator{", ", false};
  marked_text key_separator{": ", false};
};

/// Python's json.dumps(). Strings of the input stay plain, punctuation is the template's.
marked_text to_json(template_meter& meter, const template_value& value, const json_style& style);

} // namespace troupe
