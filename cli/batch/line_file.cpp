#include "cli/batch/line_file.hpp"

#include "cli/errors.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>

namespace troupe {

result<line_file> line_file::open(const std::string& path, size_t line_bytes_max) {
  line_file out;
  out.path_ = path;
  out.line_bytes_max_ = line_bytes_max;
  struct stat known {};
  if (::stat(path.c_str(), &known) == 0 && !S_ISREG(known.st_mode))
    return failure(cli_error::input, path + " is not a regular file, and a batch reads its input twice.");
  out.file_.reset(std::fopen(path.c_str(), "rbe"));
  if (!out.file_)
    return failure(cli_error::input, fmt::format("{} cannot be read: {}.", path, std::strerror(errno)));
  return out;
}

result<std::optional<line_file::line>> line_file::next() {
  line out;
  out.number = ++number_;
  out.begin = offset_;
  int c = EOF;
  while ((c = getc_unlocked(file_.get())) != EOF) {
    ++offset_;
    if (c == '\n') {
      out.complete = true;
      break;
    }
    if (out.text.size() < line_bytes_max_)
      out.text.push_back(static_cast<char>(c));
    else
      out.too_long = true;
  }
  if (std::ferror(file_.get()))
    return failure(cli_error::input, path_ + " cannot be read to its end.");
  if (!out.complete && offset_ == out.begin)
    return std::optional<line>();
  if (out.too_long)
    out.text.clear();
  return std::optional(std::move(out));
}

void line_file::rewind() {
  std::rewind(file_.get());
  number_ = offset_ = 0;
}

} // namespace troupe
