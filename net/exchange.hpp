#pragma once

#include "net/answer_stream.hpp"
#include "net/client_socket.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/response_recorder.hpp"
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
    generation_request request; // complete
    std::shared_ptr<answer_stream> stream;
    std::shared_ptr<response_recorder> recorder; // null: nothing is stored
    std::shared_ptr<response_record> record;     // with a recorder
    bool streaming = false;
    bool background = false;
  };

  bool wants_stream() const;
  http_answer other_answer() const;
  std::string owner() const;
  std::shared_ptr<answer_stream> make_stream(std::unique_ptr<event_encoder>) const;
  tl::expected<generation, api_error> parse_generation();

  awaitable<bool> generate();
  awaitable<bool> resume();
  awaitable<bool> cancel_response();
  awaitable<bool> wait_for_acceptance(const answer_stream&);
  awaitable<bool> answer(answer_stream&, bool streaming);
  awaitable<bool> send_begun(const answer_stream&, const response_record&);
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
