#include "cli/progress_bar.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr size_t mib = 1024 * 1024;

} // namespace

progress_bar::progress_bar(std::ostream& out, bool terminal, bool quiet, std::string label)
    : out_(out), terminal_(terminal), quiet_(quiet), label_(std::move(label)) {}

progress_bar::~progress_bar() {
  finish();
}

void progress_bar::show(size_t done_bytes, size_t total_bytes) {
  if (!open_ || total_bytes == 0)
    return;
  done_bytes = std::min(done_bytes, total_bytes);
  int percent = static_cast<int>(static_cast<double>(done_bytes) * 100 / static_cast<double>(total_bytes));
  if (percent == percent_)
    return;
  bool first = percent_ < 0;
  percent_ = percent;
  if (terminal_ && percent == 100) {
    finish(); // before anybody logs into its line
  } else if (terminal_) {
    constexpr size_t width = 30;
    size_t filled = width * static_cast<size_t>(percent) / 100;
    out_ << fmt::format("\r\033[Kloading {} [{}{}] {:3}%  {}/{} MiB", label_, std::string(filled, '#'),
                        std::string(width - filled, '.'), percent, done_bytes / mib, total_bytes / mib)
         << std::flush;
  } else if (!quiet_) {
    if (first)
      out_ << fmt::format("loading {} ({} MiB)", label_, total_bytes / mib) << std::endl;
    if (percent == 100)
      out_ << "loaded " << label_ << std::endl;
  }
}

void progress_bar::finish() {
  if (open_ && terminal_ && percent_ >= 0)
    out_ << "\r\033[K" << std::flush;
  open_ = false;
}

} // namespace troupe
