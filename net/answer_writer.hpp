#pragma once

#include "net/answer_stream.hpp"
#include "net/client_socket.hpp"
#include "net/http_answer.hpp"
#include "net/http_request.hpp"
#include "net/response_record.hpp"
#include "net/server_context.hpp"

namespace troupe {

/// Sends the answer to one HTTP request, whole or as it comes. False from the senders: the connection must
/// end.
class answer_writer {
public:
  answer_writer(server_context& context, client_socket& socket, const http_request& request,
                std::string request_id)
      : context_(context), socket_(socket), request_(request), request_id_(std::move(request_id)) {}

  /// An answer made elsewhere.
  awaitable<bool> send(http_answer);

  /// What a response's events become, as one body or as a stream, once it is accepted; or its refusal.
  awaitable<bool> send(answer_stream&, bool streaming);

  /// The response object as it is once the response is accepted.
  awaitable<bool> send_begun(const answer_stream&, const response_record&);

  const std::string& request_id() const { return request_id_; }
  int code() const { return code_; } // 0: nothing was sent

private:
  awaitable<bool> wait_for_acceptance(const answer_stream&);
  awaitable<bool> send_stream(answer_stream&);
  awaitable<bool> send_body(answer_stream&);
  awaitable<bool> write_frames(answer_stream&, body_framing);
  void acknowledge(const answer_stream::batch&);

  server_context& context_;
  client_socket& socket_;
  const http_request& request_;
  std::string request_id_;
  int code_ = 0;
};

} // namespace troupe
