#include "cli/line_input.hpp"

#include "cli/errors.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace troupe {

namespace {

/// Appends what one read() gives; 0 at the end.
result<size_t> read_some(int fd, std::string& into) {
  char piece[16 * 1024];
  ssize_t got = 0;
  do
    got = read(fd, piece, sizeof piece);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return failure(cli_error::input, fmt::format("Standard input cannot be read: {}.", std::strerror(errno)));
  into.append(piece, static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

} // namespace

std::optional<std::string> line_input::next() {
  size_t end = buffer_.find('\n');
  if (end == std::string::npos && (!at_end_ || buffer_.empty()))
    return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end == std::string::npos ? end : end + 1);
  if (line.ends_with('\r'))
    line.pop_back();
  return line;
}

status line_input::fill() {
  auto got = read_some(fd_, buffer_);
  if (!got)
    return forward_error(got);
  at_end_ = *got == 0;
  if (buffer_.size() > line_bytes_max && buffer_.find('\n') == std::string::npos)
    return failure(cli_error::input,
                   fmt::format("A line of the input is longer than {} bytes.", line_bytes_max));
  return {};
}

result<std::string> read_all(int fd, size_t bytes_max) {
  std::string text;
  while (text.size() <= bytes_max) {
    auto got = read_some(fd, text);
    if (!got)
      return forward_error(got);
    if (*got == 0)
      return text;
  }
  return failure(cli_error::input, fmt::format("The prompt is longer than {} bytes.", bytes_max));
}

} // namespace troupe
