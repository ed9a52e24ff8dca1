#pragma once

#include "net/asio.hpp"

#include <boost/beast/core/async_base.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <span>

namespace troupe {

/// A TCP socket for a stream of Beast's that shows every byte that it reads to somebody else first. Lives as
/// long as the reads that were started on it.
class watched_socket {
public:
  using executor_type = tcp_socket::executor_type;
  using watcher = std::function<void(std::span<const unsigned char>)>;

  explicit watched_socket(tcp_socket socket) : socket_(std::move(socket)) {}

  /// Called before the bytes are used. Must not destroy the stream.
  void watch(watcher seen) { seen_ = std::move(seen); }

  executor_type get_executor() noexcept { return socket_.get_executor(); }
  tcp_socket& next_layer() noexcept { return socket_; }
  const tcp_socket& next_layer() const noexcept { return socket_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, size_t)>(
        [this](auto&& handler, const Buffers& into) {
          using handler_type = std::decay_t<decltype(handler)>;
          socket_.async_read_some(into,
                                  read_operation<handler_type, Buffers>(std::move(handler), *this, into));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

  friend void teardown(boost::beast::role_type role, watched_socket& stream, error_code& failed) {
    boost::beast::websocket::teardown(role, stream.socket_, failed);
  }

  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, watched_socket& stream, Handler&& handler) {
    boost::beast::websocket::async_teardown(role, stream.socket_, std::forward<Handler>(handler));
  }

private:
  template <class Handler, class Buffers>
  class read_operation : public boost::beast::async_base<Handler, executor_type> {
  public:
    read_operation(Handler&& handler, watched_socket& owner, const Buffers& into)
        : boost::beast::async_base<Handler, executor_type>(std::move(handler), owner.get_executor()),
          owner_(owner), into_(into) {}

    void operator()(error_code failed, size_t bytes) {
      size_t left = bytes;
      for (auto it = asio::buffer_sequence_begin(into_); left > 0 && owner_.seen_; ++it) {
        const asio::mutable_buffer part = *it;
        const size_t filled = std::min(left, part.size());
        owner_.seen_({static_cast<const unsigned char*>(part.data()), filled});
        left -= filled;
      }
      this->complete_now(failed, bytes);
    }

  private:
    watched_socket& owner_;
    Buffers into_;
  };

  tcp_socket socket_;
  watcher seen_;
};

} // namespace troupe
