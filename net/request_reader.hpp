#pragma once

#include "net/client_socket.hpp"
#include "net/header_scanner.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/server_context.hpp"

#include <memory>

namespace troupe {

/// Reads one HTTP/1 request from a connection within the settings' limits: header and body bytes, and time.
class request_reader {
public:
  enum class outcome {
    complete,
    closed, // by the client, or idle for too long: nothing to say
    refused // problem() says why; the connection cannot go on
  };

  request_reader(client_socket&, server_context&);
  ~request_reader();

  /// first: of its connection. It must come within header_timeout_ms, a later one within idle_timeout_ms.
  awaitable<outcome> read_header(bool first);

  /// After read_header: the rest, into request().body.
  awaitable<outcome> read_body(body_budget&);

  http_request& request() { return request_; }
  const http_answer& problem() const { return problem_; }

private:
  struct parser;

  /// Feeds what is in the buffer. Sets need_more_.
  bool parse();
  bool scan_header();
  void take_start_line();
  void take_header();
  outcome refuse(int code, const char* name, std::string message);

  client_socket& socket_;
  server_context& context_;
  std::unique_ptr<parser> parser_;
  http_request request_;
  http_answer problem_;
  header_scanner scanner_;
  size_t scanned_ = 0; // bytes of the buffer that the scanner has seen
  bool need_more_ = true;
};

} // namespace troupe
