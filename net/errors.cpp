#include "net/errors.hpp"

namespace troupe {

std::string_view to_string(net_error value) {
  switch (value) {
  case net_error::listen_failed:
    return "listen_failed";
  case net_error::bad_key_file:
    return "bad_key_file";
  case net_error::keys_required:
    return "keys_required";
  }
  return "unknown";
}

} // namespace troupe
