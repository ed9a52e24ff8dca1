#pragma once

#include "net/answer_stream.hpp"
#include "net/client_socket.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/router.hpp"
#include "net/server_context.hpp"

namespace troupe {

/// One HTTP request and its answer.
class exchange {
public:
  /// budget: what the body is counted against, given back once it was read.
  exchange(server_context& context, client_socket& socket, http_request& request, body_budget& budget,
           std::string request_id);

  /// What can be said from the header alone: wrong path, method, key, content type, origin.
  std::optional<http_answer> refusal() const;

  /// Whether the request asks for the WebSocket, once refusal() said nothing.
  bool wants_websocket() const;

  /// Answers. False: the connection must end.
  awaitable<bool> run();

  /// Sends an answer made elsewhere.
  awaitable<bool> send(http_answer);

  int code() const { return code_; }
  const std::string& response_id() const { return response_id_; }

private:
  struct generation {
    generation_request request;
    std::unique_ptr<event_encoder> encoder;
    bool stream = false;
  };

  http_answer plain_answer() const;
  http_answer models_answer() const;
  http_answer inject_fault_answer() const;
  parsed<generation> parse_generation() const;

  awaitable<bool> generate();
  awaitable<bool> send_stream(answer_stream&);
  awaitable<bool> send_body(answer_stream&);
  awaitable<bool> write_frames(answer_stream&, body_framing);

  server_context& context_;
  client_socket& socket_;
  http_request& request_;
  body_budget& budget_;
  std::string request_id_;
  std::string response_id_;
  route route_;
  int code_ = 0;
};

} // namespace troupe
