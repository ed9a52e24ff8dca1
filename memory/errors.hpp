#pragma once

#include <string_view>

namespace troupe {

enum class page_error {
  out_of_pages = 1, // not now; pages come back when sequences end
  too_large,        // never: more than the whole pool
};

inline std::string_view to_string(page_error value) {
  return value == page_error::out_of_pages ? "out_of_pages" : "too_large";
}

inline std::string_view module_name(page_error) {
  return "memory";
}

} // namespace troupe
