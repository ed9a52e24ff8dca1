#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace troupe {

/// Lines of a descriptor, read only when it is known to have something.
class line_input {
public:
  static constexpr size_t line_bytes_max = 1 << 20;

  explicit line_input(int fd) : fd_(fd) {}

  int fd() const { return fd_; }

  /// A whole line that has been read already, without its end; at the end of the input also what stands after
  /// the last line end.
  std::optional<std::string> next();

  /// Nothing will come any more, and next() has given everything.
  bool ended() const { return at_end_ && buffer_.empty(); }

  /// One read(); may block if there is nothing. Errors: input (unreadable, or a line past line_bytes_max).
  status fill();

  /// Forgets the line that has only begun.
  void drop_partial() { buffer_.clear(); }

private:
  int fd_;
  std::string buffer_;
  bool at_end_ = false;
};

/// All of it. Errors: input (unreadable, or more than bytes_max).
result<std::string> read_all(int fd, size_t bytes_max);

} // namespace troupe
