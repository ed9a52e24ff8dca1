#pragma once

#include "net/answer_stream.hpp"
#include "net/api_error.hpp"
#include "net/asio.hpp"
#include "net/request_parser_responses.hpp"
#include "net/response_opening.hpp"
#include "net/server_context.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

class pending_answer;

/// What turns need of their connection.
class turn_channel {
public:
  virtual ~turn_channel() = default;

  /// Sends one text message. False: the connection is lost or about to close.
  virtual awaitable<bool> write(std::string_view text) = 0;

  /// Until a waker was called, or for a while.
  virtual awaitable<bool> wait() = 0;

  /// Ends wait(); may be called when the connection is gone.
  virtual std::function<void()> waker() = 0;

  /// Lost, or closing.
  virtual bool over() const = 0;

  /// The client closed it on purpose.
  virtual bool closed_cleanly() const = 0;
};

/// The turns of one WebSocket, one at a time: a message begins or resumes a response, whose events follow.
/// Remembers the latest response, stored or not, for the turn that continues it.
class websocket_turns {
public:
  websocket_turns(server_context& context, turn_channel& channel, response_asker asker)
      : context_(context), channel_(channel), asker_(std::move(asker)) {}

  enum class outcome {
    done,       // with a terminal message; the next turn may come
    lost,       // the connection
    taken_over, // another connection reads the response now
  };
  awaitable<outcome> take(std::string message);

  awaitable<bool> send_error(const api_error&);

private:
  struct turn {
    std::string response_id;
    std::shared_ptr<answer_stream> stream;
    std::shared_ptr<response_record> record; // of a response that this turn makes
  };

  tl::expected<response_opening, api_error> parse(simdjson::dom::object body);
  awaitable<outcome> create(response_opening);
  awaitable<outcome> resume(attach_reader);
  awaitable<outcome> work(turn, pending_answer&);
  awaitable<outcome> send_answer(answer_stream&);
  awaitable<outcome> fail(api_error);
  std::shared_ptr<answer_stream> make_stream(response_json) const;
  void forget(std::string_view response_id);

  server_context& context_;
  turn_channel& channel_;
  response_asker asker_;
  std::string continued_; // by the turn in progress
};

} // namespace troupe
