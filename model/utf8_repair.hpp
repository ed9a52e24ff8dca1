#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe {

/// Appends `text` to `out` with U+FFFD for every maximal subpart of an ill-formed sequence, as Python's
/// bytes.decode("utf-8", "replace") does. Returns the bytes consumed: all of them when `last`, else all but
/// an unfinished character at the end (at most 3 bytes). Source: Unicode 15, section 3.9, "U+FFFD
/// substitution".
size_t append_repaired(std::string_view text, bool last, std::string& out);

} // namespace troupe
