#include "net/http_request.hpp"

#include "base/ids.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr size_t request_id_bytes_max = 128;
constexpr size_t coding_bytes_max = 32; // of a name in a message; "compress" is the longest in use

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool request_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == ':';
}

} // namespace

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view http_request::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (equal_ignoring_case(known, name))
      return value;
  return {};
}

std::string request_id_of(const http_request& request) {
  const auto given = request.header("x-request-id");
  if (!given.empty() && given.size() <= request_id_bytes_max &&
      std::all_of(given.begin(), given.end(), request_id_character))
    return std::string(given);
  return make_id("req_");
}

std::string content_coding_of(const http_request& request) {
  const auto given = request.header("content-encoding");
  if (equal_ignoring_case(given, "identity"))
    return {};
  std::string shown(given.substr(0, coding_bytes_max));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

bool same_origin(const http_request& request) {
  const auto origin = request.header("origin");
  if (origin.empty())
    return true;
  const auto scheme_end = origin.find("://");
  return scheme_end != std::string_view::npos &&
         equal_ignoring_case(origin.substr(scheme_end + 3), request.header("host"));
}

} // namespace troupe
