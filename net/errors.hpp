#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Why the server could not start.
enum class net_error : uint8_t {
  listen_failed = 1, // the address is taken, unknown or forbidden
  bad_key_file,      // unreadable, empty, or a line that cannot be a key
  keys_required,     // a listener beyond loopback needs keys
};

std::string_view to_string(net_error);
inline std::string_view module_name(net_error) {
  return "net";
}

} // namespace troupe
