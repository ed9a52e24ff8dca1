#include "net/websocket_session.hpp"

#include "base/utf8.hpp"
#include "base/version.hpp"
#include "net/api_error.hpp"
#include "net/bell.hpp"
#include "net/frame_patience.hpp"
#include "net/watched_socket.hpp"
#include "net/websocket_turns.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket.hpp>

#include <deque>
#include <exception>

namespace troupe {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace {

constexpr size_t waiting_turns_max = 8;  // accepted while another is worked
constexpr size_t refused_turns_max = 64; // beyond those, each answered with an error; then 1008
constexpr milliseconds closing_time{2000};
constexpr milliseconds dead_peer_time{20'000}; // without a sign of life, pings included

/// A WebSocket of the Responses API: one coroutine reads messages, one works on them in turn and alone
/// writes.
class websocket_session final : public session,
                                public turn_channel,
                                public std::enable_shared_from_this<websocket_session> {
public:
  websocket_session(server_context& context, tcp_socket socket, std::string request_id, std::string owner)
      : context_(context), ws_(watched_socket(std::move(socket))), bell_(ws_.get_executor()),
        deadline_(ws_.get_executor()), lifetime_(ws_.get_executor()), request_id_(std::move(request_id)),
        dialogue_(context, *this, {std::move(owner), request_id_, nullptr}), queue_budget_(context) {
    context_.add(this);
  }
  ~websocket_session() override { context_.remove(this); }

  awaitable<void> run(http_request upgrade);
  void drain() override;
  void abort() override;
  void close_socket();
  void give_up();

  awaitable<bool> write(std::string_view text) override;
  awaitable<bool> wait() override { return bell_.wait(milliseconds(60'000)); }
  std::function<void()> waker() override;
  bool over() const override { return ending(); }
  bool closed_cleanly() const override;

private:
  using reason = websocket::close_code;

  awaitable<bool> accept(const http_request& upgrade);
  awaitable<void> read_messages();
  awaitable<bool> read_message(beast::flat_buffer&);
  void watch_frames();
  void enqueue(std::string);

  awaitable<void> work();
  awaitable<bool> take_turn(std::string message);
  awaitable<void> close(reason);

  void set_deadline(asio::steady_timer&, milliseconds, void (websocket_session::*on_end)());
  void on_lifetime_end();
  void wake() { bell_.ring(); }
  bool ending() const { return gone_ || leaving_ || close_with_ != reason::none; }

  server_context& context_;
  websocket::stream<watched_socket> ws_;
  bell bell_;
  asio::steady_timer deadline_; // of a write
  asio::steady_timer lifetime_;
  std::string request_id_;
  websocket_turns dialogue_;
  body_budget queue_budget_;
  size_t queued_bytes_ = 0;
  std::deque<std::optional<std::string>> turns_; // nothing: refused, too many
  size_t turns_done_ = 0;
  bool gone_ = false;
  bool leaving_ = false; // a close frame came
  bool reader_done_ = false;
  bool expired_ = false;
  bool draining_ = false;
  reason close_with_ = reason::none; // what the reader found wrong
};

awaitable<void> websocket_session::run(http_request upgrade) {
  const auto begun = context_.clock.now();
  const bool open = co_await accept(upgrade);
  if (!open)
    co_return;
  log_event(log_level::info, "websocket_opened", {{"request", request_id_}});
  context_.counts.websocket_connections.Increment();
  set_deadline(lifetime_, milliseconds(context_.config.websocket_lifetime_ms),
               &websocket_session::on_lifetime_end);
  auto reading = [self = shared_from_this()]() -> awaitable<void> { return self->read_messages(); };
  asio::co_spawn(ws_.get_executor(), std::move(reading), [self = shared_from_this()](std::exception_ptr) {
    self->reader_done_ = true;
    self->gone_ = self->gone_ || self->close_with_ == reason::none;
    self->wake();
  });
  std::exception_ptr thrown;
  try {
    co_await work();
  } catch (...) {
    thrown = std::current_exception();
  }
  if (leaving_ && !reader_done_) // the closing handshake goes on in the read
    set_deadline(deadline_, closing_time, &websocket_session::close_socket);
  else
    close_socket();
  while (!reader_done_)
    co_await wait();
  close_socket();
  context_.counts.websocket_connections.Decrement();
  const std::chrono::duration<double, std::milli> taken = context_.clock.now() - begun;
  log_event(log_level::info, "websocket_closed",
            {{"request", request_id_}, {"turns", turns_done_}, {"ms", taken.count()}});
  if (thrown)
    std::rethrow_exception(thrown);
}

awaitable<bool> websocket_session::accept(const http_request& upgrade) {
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = closing_time; // of the closing handshake, too
  limits.idle_timeout = dead_peer_time;
  limits.keep_alive_pings = true;
  ws_.set_option(limits);
  ws_.set_option(websocket::stream_base::decorator([id = request_id_](websocket::response_type& response) {
    response.set(beast::http::field::server, std::string("troupe/") + version);
    response.set("X-Request-Id", id);
  }));
  ws_.read_message_max(static_cast<size_t>(context_.config.body_bytes_max));
  ws_.auto_fragment(false);
  ws_.text(true);
  beast::http::request<beast::http::empty_body> request;
  request.method_string(upgrade.method);
  request.target(upgrade.target);
  request.version(upgrade.http_1_0 ? 10 : 11);
  for (const auto& [name, value] : upgrade.headers)
    request.insert(name, value);
  error_code failed;
  ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    if (kind != websocket::frame_type::close)
      return;
    leaving_ = true; // known now; the read ends only when the client has closed its socket too
    wake();
  });
  watch_frames();
  co_await ws_.async_accept(request, asio::redirect_error(asio::use_awaitable, failed));
  co_return !failed;
}

// -- reading
// -------------------------------------------------------------------------------------------------------

/// Ends with the connection, or once it is clear that the connection must end.
awaitable<void> websocket_session::read_messages() {
  while (!gone_ && close_with_ == reason::none) {
    beast::flat_buffer buffer;
    const bool complete = co_await read_message(buffer);
    if (!complete)
      co_return;
    const auto data = buffer.data();
    std::string message(static_cast<const char*>(data.data()), data.size());
    if (!ws_.got_text())
      close_with_ = reason::unknown_data; // 1003
    else if (!is_utf8(message)) // Beast lets the last character be cut off where the last fragment is empty
      close_with_ = reason::bad_payload; // 1007
    else
      enqueue(std::move(message));
  }
}

awaitable<bool> websocket_session::read_message(beast::flat_buffer& buffer) {
  error_code failed;
  do
    co_await ws_.async_read_some(buffer, 256 * 1024, asio::redirect_error(asio::use_awaitable, failed));
  while (!failed && !ws_.is_message_done());
  co_return !failed;
}

void websocket_session::watch_frames() {
  auto over = [weak = weak_from_this()] {
    if (const auto self = weak.lock())
      self->close_socket();
  };
  const milliseconds limit(context_.config.header_timeout_ms);
  auto patience = std::make_shared<frame_patience>(ws_.get_executor(), limit, std::move(over));
  ws_.next_layer().watch([patience](std::span<const unsigned char> bytes) { patience->see(bytes); });
}

void websocket_session::enqueue(std::string message) {
  const bool room = turns_.size() < waiting_turns_max &&
                    queued_bytes_ + message.size() <= static_cast<size_t>(context_.config.body_bytes_max) &&
                    queue_budget_.hold(queued_bytes_ + message.size());
  if (room) {
    queued_bytes_ += message.size();
    turns_.emplace_back(std::move(message));
  } else if (turns_.size() < waiting_turns_max + refused_turns_max) {
    turns_.emplace_back(std::nullopt);
  } else {
    close_with_ = reason::policy_error; // 1008
  }
  wake();
}

// -- working
// -------------------------------------------------------------------------------------------------------

awaitable<void> websocket_session::work() {
  while (!gone_ && !leaving_) {
    if (close_with_ != reason::none) {
      co_await close(close_with_);
      co_return;
    }
    if (expired_) {
      co_await dialogue_.send_error(
          http_problem(400, "websocket_connection_limit_reached",
                       "this connection has reached its time limit: open a new one"));
      co_await close(reason::normal);
      co_return;
    }
    if (draining_) {
      co_await close(reason::going_away);
      co_return;
    }
    if (turns_.empty()) {
      co_await wait();
      continue;
    }
    auto message = std::move(turns_.front());
    turns_.pop_front();
    bool go_on = false;
    if (message) {
      queued_bytes_ -= message->size();
      queue_budget_.hold(queued_bytes_);
      go_on = co_await take_turn(std::move(*message));
    } else {
      go_on = co_await dialogue_.send_error(http_problem(
          429, "too_many_requests", "too many messages wait on this connection: send fewer at once"));
    }
    ++turns_done_;
    if (!go_on && close_with_ == reason::none)
      co_return;
  }
}

awaitable<bool> websocket_session::take_turn(std::string message) {
  const auto end = co_await dialogue_.take(std::move(message));
  if (end == websocket_turns::outcome::taken_over)
    co_await close(reason::policy_error); // 1008
  co_return end == websocket_turns::outcome::done;
}

std::function<void()> websocket_session::waker() {
  return [weak = weak_from_this()] {
    if (const auto self = weak.lock())
      self->wake();
  };
}

/// "Done" or "leaving the page", or without a code.
bool websocket_session::closed_cleanly() const {
  const auto code = ws_.reason().code;
  return leaving_ && (code == reason::none || code == reason::normal || code == reason::going_away);
}

awaitable<bool> websocket_session::write(std::string_view text) {
  if (gone_ || leaving_)
    co_return false;
  set_deadline(deadline_, milliseconds(context_.config.unsent_timeout_ms), &websocket_session::give_up);
  error_code failed;
  co_await ws_.async_write(asio::buffer(text), asio::redirect_error(asio::use_awaitable, failed));
  deadline_.cancel();
  if (failed)
    gone_ = true;
  else
    context_.counts.stream_bytes_total.Increment(static_cast<double>(text.size()));
  co_return !gone_;
}

awaitable<void> websocket_session::close(reason code) {
  error_code ignored;
  co_await ws_.async_close(websocket::close_reason(code), asio::redirect_error(asio::use_awaitable, ignored));
}

// -- ends
// ----------------------------------------------------------------------------------------------------------

void websocket_session::set_deadline(asio::steady_timer& timer, milliseconds limit,
                                     void (websocket_session::*on_end)()) {
  timer.expires_after(limit);
  timer.async_wait([weak = weak_from_this(), on_end](const error_code& cancelled) {
    const auto self = weak.lock();
    if (self && !cancelled)
      ((*self).*on_end)();
  });
}

void websocket_session::on_lifetime_end() {
  expired_ = true;
  wake();
}

/// On a reader: else the kernel would hold what is unsent for as long as the reader likes.
void websocket_session::give_up() {
  error_code ignored;
  beast::get_lowest_layer(ws_).set_option(asio::socket_base::linger(true, 0), ignored);
  close_socket();
}

void websocket_session::close_socket() {
  gone_ = true;
  error_code ignored;
  beast::get_lowest_layer(ws_).close(ignored);
  deadline_.cancel();
  lifetime_.cancel();
  wake();
}

void websocket_session::drain() {
  draining_ = true;
  wake();
}

void websocket_session::abort() {
  close_socket();
}

} // namespace

void start_websocket(server_context& context, tcp_socket socket, http_request upgrade,
                     std::string request_id) {
  const auto executor = socket.get_executor();
  auto self = std::make_shared<websocket_session>(context, std::move(socket), std::move(request_id),
                                                  context.keys.owner_of(upgrade.header("authorization")));
  auto work = [self, upgrade = std::move(upgrade)]() -> awaitable<void> { return self->run(upgrade); };
  asio::co_spawn(executor, std::move(work), [self](std::exception_ptr thrown) {
    self->close_socket();
    if (!thrown)
      return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& problem) {
      log_event(log_level::error, "websocket_broken", {{"reason", problem.what()}});
    }
  });
}

} // namespace troupe
