#pragma once

#include <string_view>

namespace troupe {

/// A wrong configuration. Every message names the key, what is allowed, and where the value came from;
/// programs print it and end with exit code 2.
enum class config_error {
  unreadable_file = 1, // missing, too long, or no permission
  syntax,              // not TOML
  unknown_key,         // in the file, or a TROUPE_ variable
  wrong_type,          // "abc" for a number
  out_of_bounds,       // too small, too large, too long, or not one of the choices
  conflict,            // two settings that exclude each other
};

std::string_view to_string(config_error);
inline std::string_view module_name(config_error) {
  return "config";
}

} // namespace troupe
