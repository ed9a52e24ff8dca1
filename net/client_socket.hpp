#pragma once

#include "base/clock.hpp"
#include "net/bell.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <string_view>

namespace troupe {

/// A client's TCP connection with the three things that Asio leaves to us: deadlines, a watch on the read
/// side while an answer is made, and a bell that wakes the one coroutine that works on it.
class client_socket : public std::enable_shared_from_this<client_socket> {
public:
  /// write_timeout: a write that makes no progress. buffer_bytes_max: of what was read and not yet used.
  client_socket(tcp_socket socket, milliseconds write_timeout, size_t buffer_bytes_max);

  tcp_socket& raw() { return socket_; }
  boost::beast::flat_buffer& buffer() { return buffer_; }

  /// Reads after this are given up when the time is over.
  void set_deadline(milliseconds);
  void clear_deadline() { ++deadline_generation_; }
  bool timed_out() const { return timed_out_; }

  /// Gives the empty buffer's memory back and waits until there is something to read: an idle connection
  /// costs little. False as in read_some().
  awaitable<bool> wait_readable();

  /// Appends what comes to buffer(). False: closed, broken, full(), or the deadline passed.
  awaitable<bool> read_some();

  /// No room for another read: whoever parses has a lower limit of its own.
  bool full() const;

  /// Writes everything. False: closed, broken, or less than 16 KiB of it taken within the write timeout.
  awaitable<bool> write(std::string_view bytes);

  /// Reads ahead from here on, up to a bound: so that a client that goes away is noticed. Not together with
  /// read_some().
  void watch();
  awaitable<void> unwatch();

  /// The client went away, or abort() was called.
  bool gone() const { return gone_; }

  /// Sleeps until wake() or the end of the limit. A wake() before it counts. False: nobody woke it.
  awaitable<bool> wait(milliseconds limit) { return bell_.wait(limit); }
  void wake() { bell_.ring(); }

  /// Sends what is to be sent, then drops what the client still sends for a moment: a reset would destroy the
  /// answer on its way.
  awaitable<void> linger();

  /// Ends every operation.
  void abort();
  void close();

  uint64_t bytes_written() const { return bytes_written_; }

private:
  void on_read_ahead(const error_code&, size_t bytes);

  tcp_socket socket_;
  boost::beast::flat_buffer buffer_;
  asio::steady_timer deadline_;
  bell bell_;
  milliseconds write_timeout_;
  uint64_t deadline_generation_ = 0;
  uint64_t bytes_written_ = 0;
  bool timed_out_ = false;
  bool gave_up_ = false; // on a reader: what is unsent is dropped
  bool gone_ = false;
  bool watching_ = false; // a read-ahead is in flight
  bool watch_wanted_ = false;
};

} // namespace troupe
