#pragma once

#include <string_view>

namespace troupe {

/// Why a command could not do what it was asked to.
enum class cli_error {
  no_model = 1, // no model file where one was expected
  bad_usage,    // arguments that exclude each other, or a malformed one
  input,        // standard input could not be read, or is too long
  output,       // a result file could not be written
  model,        // the model answered with an error in the middle of a measurement
};

std::string_view to_string(cli_error);
inline std::string_view module_name(cli_error) {
  return "cli";
}

} // namespace troupe
