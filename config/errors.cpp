#include "config/errors.hpp"

namespace troupe {

std::string_view to_string(config_error value) {
  switch (value) {
  case config_error::unreadable_file:
    return "unreadable_file";
  case config_error::syntax:
    return "syntax";
  case config_error::unknown_key:
    return "unknown_key";
  case config_error::wrong_type:
    return "wrong_type";
  case config_error::out_of_bounds:
    return "out_of_bounds";
  case config_error::conflict:
    return "conflict";
  }
  return "unknown";
}

} // namespace troupe
