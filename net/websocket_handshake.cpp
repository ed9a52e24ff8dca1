#include "net/websocket_handshake.hpp"

#include <algorithm>
#include <cctype>

namespace troupe {

namespace {

constexpr std::string_view version = "13";

/// 16 bytes in base64: 22 characters, of which the last carries two bits, and two '='.
bool is_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==") ||
      std::string_view("AQgw").find(key[21]) == std::string_view::npos)
    return false;
  return std::ranges::all_of(key.substr(0, 22), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
}

http_answer refusal(int code, const char* name, std::string message) {
  auto answer = http_answer::failure(http_problem(code, name, std::move(message)));
  answer.close = true;
  return answer;
}

} // namespace

std::optional<http_answer> handshake_problem(const http_request& request, bool more_came) {
  if (request.http_1_0)
    return refusal(400, "bad_request", "a WebSocket needs HTTP/1.1");
  if (request.has_body || more_came)
    return refusal(400, "bad_request",
                   "a request for a WebSocket has no body, and nothing may follow it yet");
  if (request.header("sec-websocket-version") != version) {
    auto answer = refusal(426, "upgrade_required", "send Sec-WebSocket-Version: 13");
    answer.headers.emplace_back("Upgrade", "websocket");
    answer.headers.emplace_back("Sec-WebSocket-Version", version);
    return answer;
  }
  if (!is_key(request.header("sec-websocket-key")))
    return refusal(400, "bad_request", "Sec-WebSocket-Key must be 16 bytes in base64");
  return {};
}

} // namespace troupe
