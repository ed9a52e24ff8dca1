#pragma once

#include "base/file_descriptor.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

struct frame_limits {
  size_t message_bytes_max = 512 << 20; // of one message: log probabilities of a prompt of a million tokens
  size_t unsent_bytes_max = 1 << 30;    // that wait for the peer; credits keep them far below
};

/// Messages over a connected stream socket, in frames of at most 256 KiB: 4 bytes, little-endian, of which
/// the highest bit says that the message goes on in the next frame and the others count the bytes that
/// follow. Nothing listens and nothing is named: who holds the two ends of a pair is known by construction.
class frame_link {
public:
  static constexpr size_t frame_bytes_max = 256 * 1024;

  /// Two ends that are connected with each other. Absent: no descriptors are left.
  static std::optional<std::pair<file_descriptor, file_descriptor>> pair();

  explicit frame_link(file_descriptor socket, frame_limits limits = {});
  frame_link(const frame_link&) = delete;

  /// Any thread; never waits. What the peer does not take at once is sent by run(). False: the link is down,
  /// or more than unsent_bytes_max wait, which takes it down.
  bool send(std::string_view message);

  /// Calls on_message for each message, on this thread, until the link is down, and says why. An exception of
  /// on_message takes it down too.
  std::string run(const std::function<void(std::string_view message)>& on_message);

  /// Any thread: run() returns, send() refuses.
  void close();

private:
  void flush();
  void wake() const;
  std::string take(std::string_view bytes, const std::function<void(std::string_view)>& on_message);

  file_descriptor socket_;
  file_descriptor wake_; // an eventfd
  frame_limits limits_;

  std::mutex mutex_;
  std::string unsent_;
  size_t sent_ = 0; // bytes of unsent_ that are gone
  bool closed_ = false;
  bool deaf_ = false; // the peer takes nothing more; what it said before is still read

  // Of the thread in run().
  std::string received_; // less than a frame
  std::string message_;  // less than a message
};

} // namespace troupe
