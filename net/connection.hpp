#pragma once

#include "net/client_socket.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/server_context.hpp"

#include <memory>

namespace troupe {

class exchange;

/// An HTTP/1.1 connection: request after request until it closes or becomes a WebSocket.
class connection final : public session, public std::enable_shared_from_this<connection> {
public:
  connection(server_context&, tcp_socket);
  ~connection() override;

  /// Reads and answers until the end. The coroutine keeps the connection alive.
  static void start(server_context&, tcp_socket);

  void drain() override;
  void abort() override;

private:
  enum class next { request, lingering_close, close };

  awaitable<void> run();
  awaitable<next> serve(bool first);
  awaitable<next> answer(exchange&, std::optional<http_answer>);
  void log(const http_request&, const std::string& request_id, const exchange&, steady_time begun,
           uint64_t bytes) const;

  server_context& context_;
  std::shared_ptr<client_socket> socket_;
  bool idle_ = false; // between two requests
  bool draining_ = false;
};

} // namespace troupe
