#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

/// Writes lines to a file descriptor from a thread of its own, behind a bounded queue that drops its oldest
/// line when full. write() never waits for the descriptor.
class log_writer {
public:
  /// The descriptor is borrowed. It is written to only when poll() says so, with at most PIPE_BUF bytes at
  /// once: a full pipe holds the thread in poll(), where the destructor can end it.
  log_writer(int descriptor, size_t lines_max);
  ~log_writer();
  log_writer(const log_writer&) = delete;

  /// A line without its newline, at most log_line_bytes_max - 1 bytes.
  void write(const std::string& line);

  uint64_t dropped() const;

  /// Waits until every line so far was written or dropped, at most `timeout`.
  bool flush(std::chrono::milliseconds timeout);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
