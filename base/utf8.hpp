#pragma once

#include <cstddef>
#include <string_view>

namespace troupe {

/// Bytes of the well-formed UTF-8 character that starts at `at`: 1 to 4, or 0 where there is none (a stray or
/// missing continuation, an overlong form, a surrogate, a value past U+10FFFF, the end of the text).
/// Source: Unicode 15, table 3-7.
size_t utf8_length(std::string_view text, size_t at);

bool is_utf8(std::string_view text);

} // namespace troupe
