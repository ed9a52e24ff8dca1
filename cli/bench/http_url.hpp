#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// "http://host:port/prefix", as far as a benchmark needs it.
struct http_url {
  std::string host; // without the brackets of an IPv6 address
  uint16_t port = 80;
  std::string prefix; // path without a slash at its end, and without the API's own "/v1"
};

/// Errors: bad_usage (https, no host, a bad port, a query).
result<http_url> parse_http_url(std::string_view text);

} // namespace troupe
