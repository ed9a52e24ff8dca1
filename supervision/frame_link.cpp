#include "supervision/frame_link.hpp"

#include "base/check.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <vector>

namespace troupe {

namespace {

constexpr size_t header_bytes = 4;
constexpr uint32_t goes_on = 0x8000'0000;
constexpr size_t read_bytes = 64 * 1024;

void put_header(std::string& out, size_t bytes, bool more) {
  const auto word = static_cast<uint32_t>(bytes) | (more ? goes_on : 0);
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>(static_cast<uint8_t>(word >> shift)));
}

uint32_t header_of(std::string_view bytes) {
  uint32_t word = 0;
  for (size_t i = 0; i < header_bytes; ++i)
    word |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  return word;
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

} // namespace

std::optional<std::pair<file_descriptor, file_descriptor>> frame_link::pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return {};
  return std::pair(file_descriptor(ends[0]), file_descriptor(ends[1]));
}

frame_link::frame_link(file_descriptor socket, frame_limits limits)
    : socket_(std::move(socket)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), limits_(limits) {
  TROUPE_CHECK(socket_ && wake_, "no file descriptor left for a link");
}

bool frame_link::send(std::string_view message) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || deaf_)
    return false;
  const bool waited = sent_ < unsent_.size();
  if (unsent_.size() - sent_ + message.size() > limits_.unsent_bytes_max ||
      message.size() > limits_.message_bytes_max) {
    closed_ = true;
    wake();
    return false;
  }
  do { // an empty message is one frame
    const auto part = message.substr(0, frame_bytes_max);
    message.remove_prefix(part.size());
    put_header(unsent_, part.size(), !message.empty());
    unsent_ += part;
  } while (!message.empty());
  if (waited)
    return true; // run() is at it
  flush();
  if (sent_ < unsent_.size())
    wake(); // the rest when the peer takes it
  return !deaf_;
}

/// With the mutex held: sends what the peer takes now. One that takes nothing more may have said something
/// before.
void frame_link::flush() {
  while (sent_ < unsent_.size()) {
    const auto sent =
        ::send(socket_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block()) {
        deaf_ = true;
        break;
      }
      if (sent_ > frame_bytes_max && sent_ > unsent_.size() / 2)
        unsent_.erase(0, std::exchange(sent_, 0));
      return;
    }
    sent_ += static_cast<size_t>(sent);
  }
  unsent_.clear();
  sent_ = 0;
}

void frame_link::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

std::string frame_link::run(const std::function<void(std::string_view)>& on_message) {
  std::vector<char> buffer(read_bytes);
  std::string why;
  while (why.empty()) {
    std::array<pollfd, 2> entries{pollfd{socket_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    {
      const std::scoped_lock lock(mutex_);
      if (closed_)
        return "closed";
      if (sent_ < unsent_.size())
        entries[0].events |= POLLOUT;
    }
    if (::poll(entries.data(), entries.size(), -1) < 0) {
      if (errno != EINTR)
        why = std::strerror(errno);
      continue;
    }
    if (entries[1].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
    }
    if ((entries[0].revents & POLLOUT) != 0) {
      const std::scoped_lock lock(mutex_);
      flush();
    }
    if ((entries[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
      continue;
    const auto count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0)
      why = take({buffer.data(), static_cast<size_t>(count)}, on_message);
    else if (count == 0)
      why = "the peer is gone";
    else if (!would_block())
      why = std::strerror(errno);
  }
  close();
  return why;
}

/// Returns why the link goes down; empty: it does not.
std::string frame_link::take(std::string_view bytes,
                             const std::function<void(std::string_view)>& on_message) try {
  received_ += bytes;
  std::string_view left = received_;
  while (left.size() >= header_bytes) {
    const auto word = header_of(left);
    const size_t length = word & ~goes_on;
    if (length > frame_bytes_max)
      return "a frame is longer than 256 KiB";
    if (left.size() < header_bytes + length)
      break;
    if (message_.size() + length > limits_.message_bytes_max)
      return "a message is too long";
    message_ += left.substr(header_bytes, length);
    left.remove_prefix(header_bytes + length);
    if ((word & goes_on) == 0) {
      on_message(message_);
      message_.clear();
    }
  }
  received_.erase(0, received_.size() - left.size());
  return {};
} catch (const std::exception& thrown) {
  return std::string("a message was not understood: ") + thrown.what();
}

void frame_link::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  wake();
}

} // namespace troupe
