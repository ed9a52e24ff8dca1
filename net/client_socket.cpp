#include "net/client_socket.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr size_t read_bytes = 16 * 1024;
constexpr size_t read_ahead_max = 64 * 1024;
constexpr milliseconds linger_time{2000};
constexpr size_t linger_bytes_max = 64 * 1024 * 1024;
constexpr size_t write_progress_bytes = 16 * 1024; // a reader of one byte a second makes some progress, too

} // namespace

client_socket::client_socket(tcp_socket socket, milliseconds write_timeout, size_t buffer_bytes_max)
    : socket_(std::move(socket)), buffer_(buffer_bytes_max + read_ahead_max + read_bytes),
      deadline_(socket_.get_executor()), bell_(socket_.get_executor()), write_timeout_(write_timeout) {}

void client_socket::set_deadline(milliseconds limit) {
  const auto generation = ++deadline_generation_;
  timed_out_ = false;
  deadline_.expires_after(limit);
  deadline_.async_wait([weak = weak_from_this(), generation](const error_code&) {
    const auto self = weak.lock();
    if (!self || self->deadline_generation_ != generation)
      return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

bool client_socket::full() const {
  return buffer_.size() + read_bytes > buffer_.max_size();
}

awaitable<bool> client_socket::wait_readable() {
  if (gone_ || timed_out_)
    co_return false;
  buffer_.shrink_to_fit();
  error_code failed;
  co_await socket_.async_wait(tcp_socket::wait_read, asio::redirect_error(asio::use_awaitable, failed));
  if (failed && !timed_out_)
    gone_ = true;
  co_return !failed && !gone_;
}

awaitable<bool> client_socket::read_some() {
  if (gone_ || timed_out_ || full())
    co_return false;
  error_code failed;
  const auto space = buffer_.prepare(read_bytes);
  const size_t bytes =
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, failed));
  buffer_.commit(bytes);
  if (failed && !timed_out_)
    gone_ = true;
  co_return !failed && !gone_;
}

awaitable<bool> client_socket::write(std::string_view bytes) {
  bool waiting = false;
  size_t progress = 0; // since the deadline was set
  while (!bytes.empty() && !gone_) {
    error_code failed;
    size_t sent = socket_.write_some(asio::buffer(bytes), failed);
    if (failed == asio::error::would_block) {
      failed = {};
      if (!waiting || progress >= write_progress_bytes) {
        set_deadline(write_timeout_);
        progress = 0;
      }
      waiting = true;
      if (timed_out_)
        failed = asio::error::timed_out;
      else
        sent = co_await socket_.async_write_some(asio::buffer(bytes),
                                                 asio::redirect_error(asio::use_awaitable, failed));
    }
    bytes.remove_prefix(sent);
    bytes_written_ += sent;
    progress += sent;
    if (failed) {
      gone_ = true;
      gave_up_ = waiting && timed_out_;
    }
  }
  if (waiting)
    clear_deadline();
  co_return !gone_;
}

void client_socket::watch() {
  watch_wanted_ = true;
  if (watching_ || gone_ || buffer_.size() >= read_ahead_max)
    return;
  watching_ = true;
  socket_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](const error_code& failed, size_t bytes) {
                            self->on_read_ahead(failed, bytes);
                          });
}

void client_socket::on_read_ahead(const error_code& failed, size_t bytes) {
  watching_ = false;
  buffer_.commit(bytes);
  if (!watch_wanted_)
    return wake();
  if (failed) {
    this->abort();
    return;
  }
  watch();
}

awaitable<void> client_socket::unwatch() {
  watch_wanted_ = false;
  while (watching_) {
    error_code ignored;
    socket_.cancel(ignored);
    co_await wait(milliseconds(1000));
  }
}

void client_socket::abort() {
  gone_ = true;
  error_code ignored;
  socket_.cancel(ignored);
  wake();
}

awaitable<void> client_socket::linger() {
  if (!socket_.is_open())
    co_return;
  error_code failed;
  socket_.shutdown(tcp_socket::shutdown_send, failed);
  gone_ = false;
  set_deadline(linger_time);
  size_t total = 0;
  bool more = true;
  while (more && total < linger_bytes_max) {
    total += buffer_.size();
    buffer_.consume(buffer_.size());
    more = co_await read_some();
  }
  clear_deadline();
}

void client_socket::close() {
  gone_ = true;
  clear_deadline();
  error_code ignored;
  deadline_.cancel();
  if (gave_up_) // else the kernel would hold what is unsent for as long as the reader likes
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  wake();
}

} // namespace troupe
