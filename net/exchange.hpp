#pragma once

#include "net/answer_writer.hpp"
#include "net/generation.hpp"
#include "net/router.hpp"

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
  awaitable<bool> send(http_answer answer) { return writer_.send(std::move(answer)); }

  int code() const { return writer_.code(); }
  const std::string& response_id() const { return response_id_; }

private:
  bool wants_stream() const;
  http_answer other_answer() const;
  std::string owner() const;
  std::shared_ptr<answer_stream> make_stream(std::unique_ptr<event_encoder>, size_t choices) const;

  awaitable<bool> generate();
  awaitable<bool> work(generation);
  awaitable<bool> resume();
  awaitable<bool> cancel_response();

  server_context& context_;
  client_socket& socket_;
  http_request& request_;
  body_budget& budget_;
  answer_writer writer_;
  std::string response_id_; // of several choices, the first one's
  route route_;
};

} // namespace troupe
