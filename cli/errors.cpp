#include "cli/errors.hpp"

namespace troupe {

std::string_view to_string(cli_error value) {
  switch (value) {
  case cli_error::no_model:
    return "no_model";
  case cli_error::bad_usage:
    return "bad_usage";
  case cli_error::input:
    return "input";
  case cli_error::output:
    return "output";
  case cli_error::model:
    return "model";
  }
  return "unknown";
}

} // namespace troupe
