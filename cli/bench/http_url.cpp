#include "cli/bench/http_url.hpp"

#include "cli/errors.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_' || c == ':';
}

} // namespace

result<http_url> parse_http_url(std::string_view text) {
  auto bad = [](std::string_view why) {
    return failure(cli_error::bad_usage, fmt::format("--url {}, like http://127.0.0.1:8080.", why));
  };
  constexpr std::string_view scheme = "http://";
  if (text.starts_with("https://"))
    return bad("cannot be https, since TLS is not measured here: give the address behind it");
  if (!text.starts_with(scheme))
    return bad("must start with http://");
  text.remove_prefix(scheme.size());
  size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  std::string_view path = text.substr(slash);
  if (std::ranges::any_of(path, [](char c) { return c <= ' ' || c == '?' || c == '#' || c == '\x7f'; }))
    return bad("must be a plain address without query or spaces");
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (path.ends_with("/v1"))
    path.remove_suffix(3);

  http_url url{.host = {}, .port = 80, .prefix = std::string(path)};
  size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    size_t close = authority.find(']');
    if (close == std::string_view::npos)
      return bad("has no ] after its IPv6 address");
    url.host = authority.substr(1, close - 1);
    if (close + 1 == authority.size())
      colon = std::string_view::npos;
    else if (colon != close + 1)
      return bad("has something between its address and its port");
  } else {
    url.host = authority.substr(0, colon);
  }
  if (url.host.empty() || !std::ranges::all_of(url.host, is_host_character))
    return bad("must name a host");
  if (colon != std::string_view::npos) {
    std::string_view port = authority.substr(colon + 1);
    auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (failed != std::errc() || end != port.data() + port.size() || url.port == 0)
      return bad("must have a port from 1 to 65535");
  }
  return url;
}

} // namespace troupe
