#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// One HTTP answer as it came.
struct raw_answer {
  int code = 0;                               // 0: none came
  std::map<std::string, std::string> headers; // names in lower case
  std::string body;                           // chunked coding undone

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct raw_frame {
  int opcode = 0; // 1 text, 8 close, 9 ping, 10 pong
  std::string payload;

  int close_code() const {
    return payload.size() < 2 ? 0 : static_cast<uint8_t>(payload[0]) * 256 + static_cast<uint8_t>(payload[1]);
  }
};

/// A blocking TCP client on 127.0.0.1 that sends exactly what it is told to. Every read gives up after
/// `patience_ms`.
class raw_client {
public:
  explicit raw_client(uint16_t port, int receive_buffer_bytes = 0, int patience_ms = 5000);
  raw_client(const raw_client&) = delete;
  ~raw_client();

  /// False: the server closed.
  bool send(std::string_view bytes);
  void close();
  void shutdown_send();

  /// What is there, at least one byte; empty at the end of the stream, or a reset, or too long a wait.
  std::string read_some();
  /// Up to and with this text; what came before the end if it never came.
  std::string read_until(std::string_view text);
  /// Whether the server has closed, within the patience. Drops what it still sends.
  bool closed();

  raw_answer read_answer(bool head_request = false);

  // -- WebSocket --
  bool upgrade(const std::string& extra_headers = "");
  bool send_frame(int opcode, std::string_view payload, bool masked = true, bool final_frame = true);
  bool send_text(std::string_view payload) { return send_frame(1, payload); }
  std::optional<raw_frame> read_frame();

private:
  bool fill();
  std::optional<std::string> take(size_t bytes);

  int socket_ = -1;
  std::string buffer_;
};

/// "POST path HTTP/1.1" with Host, a JSON content type and a length.
std::string post(std::string_view path, std::string_view body, std::string_view extra_headers = "");
std::string get(std::string_view path, std::string_view extra_headers = "");

} // namespace troupe::test
