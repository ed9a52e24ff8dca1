#include "tests/net/raw_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace troupe::test {

raw_client::raw_client(uint16_t port, int receive_buffer_bytes, int patience_ms) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer_bytes > 0)
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  timeval patience{patience_ms / 1000, (patience_ms % 1000) * 1000};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to the server under test");
}

raw_client::~raw_client() {
  close();
}

void raw_client::close() {
  if (socket_ >= 0)
    ::close(socket_);
  socket_ = -1;
}

void raw_client::shutdown_send() {
  ::shutdown(socket_, SHUT_WR);
}

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool raw_client::fill() {
  char bytes[65536];
  const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count <= 0)
    return false;
  buffer_.append(bytes, static_cast<size_t>(count));
  return true;
}

std::string raw_client::read_some() {
  if (buffer_.empty())
    fill();
  return std::exchange(buffer_, {});
}

std::string raw_client::read_until(std::string_view text) {
  size_t at = buffer_.find(text);
  while (at == std::string::npos && fill())
    at = buffer_.find(text);
  return take(at == std::string::npos ? buffer_.size() : at + text.size()).value_or("");
}

bool raw_client::closed() {
  char bytes[65536];
  while (true) {
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count == 0)
      return true;
    if (count < 0)
      return errno == ECONNRESET;
  }
}

std::optional<std::string> raw_client::take(size_t bytes) {
  while (buffer_.size() < bytes)
    if (!fill())
      return {};
  auto taken = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return taken;
}

raw_answer raw_client::read_answer(bool head_request) {
  raw_answer answer;
  auto head = read_until("\r\n\r\n");
  if (!head.ends_with("\r\n\r\n") || !head.starts_with("HTTP/1.1 "))
    return raw_answer();
  answer.code = std::stoi(head.substr(9, 3));
  if (answer.code == 100)
    return answer;
  for (size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
    const size_t end = head.find("\r\n", at);
    const auto line = head.substr(at, end - at);
    const size_t colon = line.find(": ");
    auto name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = line.substr(colon + 2);
    at = end + 2;
  }
  if (head_request)
    return answer;
  if (answer.headers.contains("content-length")) {
    auto body = take(std::stoul(answer.headers["content-length"]));
    if (!body)
      return raw_answer();
    answer.body = *body;
  } else if (answer.headers["transfer-encoding"] == "chunked") {
    while (true) {
      const size_t bytes = std::stoul(read_until("\r\n"), nullptr, 16);
      const auto chunk = take(bytes + 2);
      if (!chunk)
        return raw_answer();
      if (bytes == 0)
        break;
      answer.body += chunk->substr(0, bytes);
    }
  } else {
    while (fill()) {
    }
    answer.body = std::exchange(buffer_, {});
  }
  return answer;
}

bool raw_client::upgrade(const std::string& extra_headers) {
  send("GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
       extra_headers + "\r\n");
  const auto head = read_until("\r\n\r\n");
  return head.starts_with("HTTP/1.1 101") && head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos;
}

bool raw_client::send_frame(int opcode, std::string_view payload, bool masked, bool final_frame) {
  std::string frame;
  frame.push_back(static_cast<char>((final_frame ? 0x80 : 0) | opcode));
  const char mask_bit = masked ? static_cast<char>(0x80) : '\0';
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(mask_bit | static_cast<char>(payload.size())));
  } else {
    frame.push_back(static_cast<char>(mask_bit | 127));
    for (int shift = 56; shift >= 0; shift -= 8)
      frame.push_back(static_cast<char>(static_cast<uint64_t>(payload.size()) >> shift & 0xff));
    if (payload.size() < 65536) { // the shortest length must be used
      frame.erase(2, 6);
      frame[1] = static_cast<char>(mask_bit | 126);
    }
  }
  const char mask[4] = {1, 2, 3, 4};
  if (masked)
    frame.append(mask, 4);
  for (size_t i = 0; i < payload.size(); ++i)
    frame.push_back(masked ? static_cast<char>(payload[i] ^ mask[i % 4]) : payload[i]);
  return send(frame);
}

std::optional<raw_frame> raw_client::read_frame() {
  const auto head = take(2);
  if (!head)
    return {};
  uint64_t length = static_cast<uint8_t>((*head)[1]) & 0x7f;
  if (length >= 126) {
    const auto extended = take(length == 126 ? 2 : 8);
    if (!extended)
      return {};
    length = 0;
    for (const char byte : *extended)
      length = length << 8 | static_cast<uint8_t>(byte);
  }
  auto payload = take(length);
  if (!payload)
    return {};
  return raw_frame{(*head)[0] & 0x0f, std::move(*payload)};
}

std::string post(std::string_view path, std::string_view body, std::string_view extra_headers) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "Content-Length: {}\r\n{}\r\n{}",
                     path, body.size(), extra_headers, body);
}

std::string get(std::string_view path, std::string_view extra_headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, extra_headers);
}

} // namespace troupe::test
