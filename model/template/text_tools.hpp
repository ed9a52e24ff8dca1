#pragma once

#include "model/template/value.hpp"

#include <utility>

namespace troupe {

/// What methods and filters of strings share. Pieces keep their marks.

marked_text upper_text(template_meter& meter, const marked_text& text);
marked_text lower_text(template_meter& meter, const marked_text& text);
marked_text capitalized_text(template_meter& meter, const marked_text& text);

/// Python's str.title(): upper case after whatever has no case.
marked_text title_text(template_meter& meter, const marked_text& text);

/// Jinja's title: upper case at the start and after white space, '-', '(', '{', '[' and '<'.
marked_text title_words(template_meter& meter, const marked_text& text);

/// Python's str.casefold() and str.swapcase().
marked_text folded_text(template_meter& meter, const marked_text& text);
marked_text swapped_text(template_meter& meter, const marked_text& text);

/// chars null: white space.
marked_text stripped_text(template_meter& meter, const marked_text& text, bool left, bool right,
                          const template_value* chars);

/// count below 0: all.
marked_text replaced_text(template_meter& meter, const marked_text& text, const marked_text& old,
                          const marked_text& fresh, int64_t count);

/// Lines without their ends, as str.splitlines() has them; with keep_ends, with them.
std::vector<marked_text> lines_of(template_meter& meter, const marked_text& text, bool keep_ends = false);

/// & < > ' and " as HTML writes them; markup is left as it is unless forced.
marked_text escaped_text(template_meter& meter, const marked_text& text, bool forced = false);

/// A string argument, or an error that names the function.
const marked_text& text_argument(const template_value& value, std::string_view function);

/// A whole-number argument.
int64_t integer_argument(const template_value& value, std::string_view function);

} // namespace troupe
