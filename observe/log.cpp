#include "observe/log.hpp"

#include "observe/log_writer.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <unistd.h>

namespace troupe {

namespace {

constexpr size_t queue_lines_max = 8192; // at most 32 MiB of lines, and usually 1

/// The one log of this process.
class process_log {
public:
  void write(log_level level, const std::string& line) {
    if (auto sink = current_sink())
      (*sink)(level, line);
    else
      writer().write(line);
  }

  void set_sink(log_sink sink) {
    std::lock_guard lock(mutex_);
    sink_ = sink ? std::make_shared<const log_sink>(std::move(sink)) : nullptr;
  }

  std::atomic<log_level> least_severe = log_level::info;
  std::atomic<uint64_t> sink_failures = 0;

  uint64_t writer_dropped() {
    std::lock_guard lock(mutex_);
    return writer_ ? writer_->dropped() : 0;
  }

  bool flush(std::chrono::milliseconds timeout) {
    log_writer* current = nullptr;
    {
      std::lock_guard lock(mutex_);
      current = writer_.get();
    }
    return !current || current->flush(timeout);
  }

private:
  std::shared_ptr<const log_sink> current_sink() {
    std::lock_guard lock(mutex_);
    return sink_;
  }

  /// Its thread starts with the first line, so a program that links us and logs nothing has no thread of
  /// ours.
  log_writer& writer() {
    std::lock_guard lock(mutex_);
    if (!writer_)
      writer_ = std::make_unique<log_writer>(STDERR_FILENO, queue_lines_max);
    return *writer_;
  }

  std::mutex mutex_;
  std::shared_ptr<const log_sink> sink_;
  std::unique_ptr<log_writer> writer_;
};

/// Never destroyed: threads and destructors of a host application may log while it ends.
process_log& the_log() {
  static process_log* instance = new process_log;
  return *instance;
}

} // namespace

void log_event(log_level level, std::string_view event, std::span<const log_field> fields) noexcept {
  if (!log_enabled(level))
    return;
  try {
    the_log().write(level, format_log_line(std::chrono::system_clock::now(), level, event, fields));
  } catch (...) {
    the_log().sink_failures.fetch_add(1);
  }
}

void log_event(log_level level, std::string_view event, std::initializer_list<log_field> fields) noexcept {
  log_event(level, event, std::span(fields.begin(), fields.size()));
}

bool log_enabled(log_level level) noexcept {
  return level >= the_log().least_severe.load(std::memory_order_relaxed);
}

void set_log_level(log_level level) {
  the_log().least_severe = level;
}

void set_log_level(const settings& from) {
  set_log_level(log_level_named(from.log_level).value_or(log_level::info));
}

void set_log_sink(log_sink sink) {
  the_log().set_sink(std::move(sink));
}

uint64_t log_lines_dropped() noexcept {
  return the_log().sink_failures.load() + the_log().writer_dropped();
}

bool flush_log(std::chrono::milliseconds timeout) {
  return the_log().flush(timeout);
}

} // namespace troupe
