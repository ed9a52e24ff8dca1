#include "observe/log_writer.hpp"

#include "base/clock.hpp"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

namespace troupe {

namespace {

/// What became of the lines, for flush() and the metric.
class line_tally {
public:
  void count(bool written) {
    std::lock_guard lock(mutex_);
    ++done_;
    lost_ += written ? 0 : 1;
    changed_.notify_all();
  }

  uint64_t lost() const {
    std::lock_guard lock(mutex_);
    return lost_;
  }

  /// Until done + overrun() reaches `goal`, looking again every few milliseconds: the queue tells nobody of
  /// an overrun.
  bool wait(uint64_t goal, const std::function<uint64_t()>& overrun, std::chrono::milliseconds timeout) {
    auto end = system_clock().now() + timeout;
    std::unique_lock lock(mutex_);
    while (done_ + overrun() < goal) {
      if (system_clock().now() >= end)
        return false;
      changed_.wait_until(lock, std::min(end, system_clock().now() + std::chrono::milliseconds(5)));
    }
    return true;
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t done_ = 0;
  uint64_t lost_ = 0;
};

/// A spdlog sink for one descriptor that can be told to give up.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  descriptor_sink(int descriptor, line_tally& tally) : descriptor_(descriptor), tally_(tally) {}

  void give_up() { given_up_ = true; }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    size_t done = 0;
    while (done < line.size() && wait_for_room()) {
      ssize_t count = ::write(descriptor_, line.data() + done, line.size() - done);
      if (count < 0 && errno != EINTR && errno != EAGAIN)
        break; // a closed pipe; SIGPIPE is the program's to ignore
      done += count > 0 ? static_cast<size_t>(count) : 0;
    }
    tally_.count(done == line.size());
  }

  void flush_() override {}

private:
  bool wait_for_room() {
    constexpr int look_again_ms = 50;
    while (!given_up_) {
      pollfd entry{descriptor_, POLLOUT, 0};
      int ready = ::poll(&entry, 1, look_again_ms);
      if (ready > 0)
        return (entry.revents & POLLOUT) != 0;
      if (ready < 0 && errno != EINTR)
        return false;
    }
    return false;
  }

  int descriptor_;
  line_tally& tally_;
  std::atomic<bool> given_up_ = false;
};

} // namespace

class log_writer::impl {
public:
  impl(int descriptor, size_t lines_max)
      : sink_(std::make_shared<descriptor_sink>(descriptor, tally_)),
        pool_(std::make_shared<spdlog::details::thread_pool>(lines_max, 1)),
        logger_(std::make_shared<spdlog::async_logger>("troupe", sink_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(spdlog::level::trace); // log_event has filtered already
  }

  ~impl() {
    // The pool's destructor waits for the queue to empty: lines that cannot be written must not hold it.
    if (!flush(std::chrono::milliseconds(200)))
      sink_->give_up();
    // The pool first: its thread holds the logger with each line, and has ended when the last holder lets it
    // go.
    pool_.reset();
    logger_.reset();
  }

  void write(const std::string& line) {
    accepted_.fetch_add(1);
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

  uint64_t dropped() const { return tally_.lost() + pool_->overrun_counter(); }

  bool flush(std::chrono::milliseconds timeout) {
    return tally_.wait(
        accepted_.load(), [this] { return pool_->overrun_counter(); }, timeout);
  }

private:
  line_tally tally_;
  std::atomic<uint64_t> accepted_ = 0;
  std::shared_ptr<descriptor_sink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

log_writer::log_writer(int descriptor, size_t lines_max)
    : impl_(std::make_unique<impl>(descriptor, lines_max)) {}
log_writer::~log_writer() = default;
void log_writer::write(const std::string& line) {
  impl_->write(line);
}
uint64_t log_writer::dropped() const {
  return impl_->dropped();
}
bool log_writer::flush(std::chrono::milliseconds timeout) {
  return impl_->flush(timeout);
}

} // namespace troupe
