#include "net/http_answer.hpp"

#include "base/version.hpp"

#include <ctime>
#include <fmt/format.h>
#include <iterator>

namespace troupe {

namespace {

/// RFC 9110, section 5.6.7; independent of the locale.
std::string http_date(int64_t unix_seconds) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<time_t>(unix_seconds);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday,
                     months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

} // namespace

http_answer http_answer::json(std::string body) {
  http_answer answer;
  answer.body = std::move(body);
  return answer;
}

http_answer http_answer::text(int code, std::string body) {
  http_answer answer;
  answer.code = code;
  answer.content_type = "text/plain; charset=utf-8";
  answer.body = std::move(body);
  return answer;
}

http_answer http_answer::failure(const api_error& error) {
  http_answer answer;
  answer.code = error.status;
  answer.body = error_body(error);
  if (error.retry_after_s > 0)
    answer.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  return answer;
}

const char* reason_phrase(int code) {
  switch (code) {
  case 200:
    return "OK";
  case 202:
    return "Accepted";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "Unknown";
  }
}

std::string answer_head(const http_answer& answer, const answer_frame& frame) {
  std::string head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nServer: troupe/{}\r\nDate: {}\r\n", answer.code,
                 reason_phrase(answer.code), version, http_date(frame.unix_seconds));
  if (!frame.request_id.empty())
    fmt::format_to(out, "X-Request-Id: {}\r\n", frame.request_id);
  for (const auto& [name, value] : answer.headers)
    fmt::format_to(out, "{}: {}\r\n", name, value);
  fmt::format_to(out, "Content-Type: {}\r\n", answer.content_type);
  if (frame.framing == body_framing::length)
    fmt::format_to(out, "Content-Length: {}\r\n", answer.body.size());
  else if (frame.framing == body_framing::chunked)
    head += "Transfer-Encoding: chunked\r\n";
  head += frame.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

std::string chunk_of(const std::vector<std::string>& frames, body_framing framing) {
  size_t bytes = 0;
  for (const auto& frame : frames)
    bytes += frame.size();
  std::string chunk;
  chunk.reserve(bytes + 16);
  if (framing == body_framing::chunked)
    chunk += fmt::format("{:x}\r\n", bytes);
  for (const auto& frame : frames)
    chunk += frame;
  if (framing == body_framing::chunked)
    chunk += "\r\n";
  return chunk;
}

} // namespace troupe
