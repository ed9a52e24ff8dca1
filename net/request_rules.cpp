#include "net/request_rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace troupe {

namespace {

using std::string_view;

/// Read by us or by a proxy, and only one of several values.
constexpr std::array<string_view, 10> once{"host",
                                           "content-length",
                                           "transfer-encoding",
                                           "content-type",
                                           "content-encoding",
                                           "authorization",
                                           "expect",
                                           "origin",
                                           "sec-websocket-key",
                                           "sec-websocket-version"};

constexpr size_t length_digits_max = 18; // below 2^63
constexpr size_t host_bytes_max = 255 + 6;

bool is_host_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || string_view("-._~%[]:").find(c) != string_view::npos;
}

bool is_host(string_view value) {
  return !value.empty() && value.size() <= host_bytes_max && std::ranges::all_of(value, is_host_character);
}

bool starts_ignoring_case(string_view text, string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string framing_problem(const http_request& request) {
  const auto length = request.header("content-length");
  const bool digits = std::ranges::all_of(length, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!digits || length.size() > length_digits_max)
    return "Content-Length is not a number";
  const auto coding = request.header("transfer-encoding");
  if (coding.empty())
    return {};
  if (!length.empty())
    return "it has both Content-Length and Transfer-Encoding";
  if (request.http_1_0)
    return "HTTP/1.0 has no Transfer-Encoding";
  if (!equal_ignoring_case(coding, "chunked"))
    return "the only Transfer-Encoding here is chunked";
  return {};
}

std::string target_problem(http_request& request) {
  auto& target = request.target;
  for (const auto* scheme : {"http://", "https://"}) {
    if (!starts_ignoring_case(target, scheme))
      continue;
    const size_t begin = string_view(scheme).size();
    const size_t end = std::min(target.find_first_of("/?", begin), target.size());
    if (!equal_ignoring_case(target.substr(begin, end - begin), request.header("host")))
      return "its target and its Host name two hosts";
    target.erase(0, end);
    if (!target.starts_with('/'))
      target.insert(0, "/");
  }
  if (!target.starts_with('/'))
    return "its target is not a path";
  const bool plain = std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
  return plain ? std::string() : "its target holds a character that must be percent-encoded";
}

} // namespace

std::string ambiguity_of(http_request& request) {
  for (const auto name : once) {
    const auto count = std::ranges::count_if(
        request.headers, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
    if (count > 1)
      return fmt::format("it has {} fields {}, one is allowed", count, name);
    const bool empty = count == 1 && request.header(name).empty();
    if (empty && (name == "content-length" || name == "transfer-encoding"))
      return fmt::format("its {} is empty", name);
  }
  const auto host = request.header("host");
  if (host.empty() && !request.http_1_0)
    return "it has no Host";
  if (!host.empty() && !is_host(host))
    return "its Host is not a host";
  auto problem = framing_problem(request);
  return problem.empty() ? target_problem(request) : problem;
}

} // namespace troupe
