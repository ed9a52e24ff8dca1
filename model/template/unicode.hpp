#pragma once

#include "base/utf8.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Code points of UTF-8 text; Python counts and slices strings in them. The text is valid UTF-8:
/// chat_template checks its source and its inputs.

/// The code point at `at`, which moves past it.
uint32_t next_code_point(std::string_view bytes, std::size_t& at);

void append_code_point(std::string& out, uint32_t code_point);

std::size_t count_code_points(std::string_view bytes);

/// The byte offset of the code point numbered `index`; bytes.size() if there are not so many.
std::size_t code_point_offset(std::string_view bytes, std::size_t index);

/// What Python's str.isspace() says.
bool is_space(uint32_t code_point);

bool is_letter(uint32_t code_point);

/// What Python's str.isprintable() says.
bool is_printable(uint32_t code_point);

/// Whether a name may begin with it, or go on with it.
bool is_identifier_start(uint32_t code_point);
bool is_identifier_part(uint32_t code_point);

/// What Python's str.isdecimal(), isdigit() and isnumeric() say (without the numerals among Han letters).
bool is_decimal(uint32_t code_point);
bool is_digit(uint32_t code_point);
bool is_numeric(uint32_t code_point);
bool is_upper(uint32_t code_point);
bool is_lower(uint32_t code_point);
bool is_cased(uint32_t code_point);

/// What stands between letters of one word: marks, apostrophes.
bool is_case_ignorable(uint32_t code_point);

/// Upper and lower case as Python has them for one code point; may be several ("ß" gives "SS").
void append_upper(std::string& out, uint32_t code_point);
void append_lower(std::string& out, uint32_t code_point);
void append_title(std::string& out, uint32_t code_point);
void append_folded(std::string& out, uint32_t code_point);

/// Offsets [first, last) of the text without white space at the chosen ends; with `chars`, without those.
struct strip_range {
  std::size_t first, last;
};
strip_range strip(std::string_view bytes, bool left, bool right, const std::string_view* chars = nullptr);

} // namespace troupe
