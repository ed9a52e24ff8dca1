#pragma once

#include <string_view>

namespace troupe {

enum class page_error {
  out_of_pages = 1, // not now; pages come back when sequences end
  too_large,        // never: more than the whole pool
  bad_directory,    // the KV directory is missing, read-only, somebody else's or too small
  directory_full,   // no room on its file system now
};

inline std::string_view to_string(page_error value) {
  switch (value) {
  case page_error::out_of_pages:
    return "out_of_pages";
  case page_error::too_large:
    return "too_large";
  case page_error::bad_directory:
    return "bad_directory";
  case page_error::directory_full:
    return "directory_full";
  }
  return "unknown";
}

inline std::string_view module_name(page_error) {
  return "memory";
}

} // namespace troupe
