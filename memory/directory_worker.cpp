#include "memory/directory_worker.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace troupe {

namespace {

constexpr milliseconds end_wait{2000};
constexpr milliseconds upkeep_interval{10'000};
constexpr int names_a_piece = 256; // of a listing, between two reads or writes

} // namespace

/// What the thread works on. It holds this itself, so that it can be left behind.
class directory_worker::state {
public:
  explicit state(directory_worker_options options) : options_(std::move(options)) {}

  static void run(const std::shared_ptr<state>& self) {
    while (self->work())
      ;
    const std::lock_guard lock(self->mutex_);
    self->ended_ = true;
    self->changed_.notify_all();
  }

  bool put(const page_identity& identity, std::span<const std::byte> page, milliseconds patience) {
    TROUPE_CHECK(page.size() == options_.page_bytes, "a page of another size");
    std::vector<std::byte> copy;
    {
      std::unique_lock lock(mutex_);
      const auto has_room = [&] { return stop_ || writes_.size() + copying_ < options_.writes_max; };
      if (!changed_.wait_for(lock, patience, has_room) || stop_) {
        options_.directory->note_full_queue();
        return false;
      }
      ++copying_;
      if (!spare_.empty()) {
        copy = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    copy.assign(page.begin(), page.end());
    const std::lock_guard lock(mutex_);
    --copying_;
    writes_.push_back({identity, std::move(copy)});
    changed_.notify_all();
    return true;
  }

  bool get(const page_identity& identity, read_done done) {
    const std::lock_guard lock(mutex_);
    if (stop_ || reads_.size() >= options_.reads_max)
      return false;
    reads_.push_back({identity, std::move(done)});
    changed_.notify_all();
    return true;
  }

  bool contains(const page_key& key) const { return options_.directory->contains(key); }

  bool flush(milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return writes_.empty() && !writing_ && copying_ == 0; });
  }

  /// Whether the thread came to its end in time.
  bool stop() {
    std::unique_lock lock(mutex_);
    stop_ = true;
    reads_.clear();
    writes_.clear();
    changed_.notify_all();
    return changed_.wait_for(lock, end_wait, [&] { return ended_; });
  }

private:
  struct waiting_write {
    page_identity identity;
    std::vector<std::byte> page;
  };
  struct waiting_read {
    page_identity identity;
    read_done done;
  };

  /// One read, one write or a piece of a listing. False: it is over.
  bool work() {
    std::unique_lock lock(mutex_);
    if (!listing_)
      changed_.wait_for(lock, upkeep_interval, [&] { return stop_ || !reads_.empty() || !writes_.empty(); });
    if (stop_)
      return false;
    if (!reads_.empty()) {
      auto next = std::move(reads_.front());
      reads_.pop_front();
      lock.unlock();
      read(next);
    } else if (!writes_.empty()) {
      auto next = std::move(writes_.front());
      writes_.pop_front();
      writing_ = true;
      lock.unlock();
      options_.directory->put(next.identity, next.page);
      lock.lock();
      writing_ = false;
      if (spare_.size() < spares_max)
        spare_.push_back(std::move(next.page));
      changed_.notify_all();
    } else {
      lock.unlock();
    }
    if (lock.owns_lock())
      lock.unlock();
    listing_ = options_.directory->scan(names_a_piece);
    return true;
  }

  void read(waiting_read& next) {
    std::vector<std::byte> page(options_.page_bytes);
    if (options_.directory->get(next.identity, page))
      next.done(std::move(page));
    else
      next.done(std::nullopt);
  }

  static constexpr size_t spares_max = 8;

  const directory_worker_options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<waiting_read> reads_;
  std::deque<waiting_write> writes_;
  std::vector<std::vector<std::byte>> spare_; // buffers to use again
  size_t copying_ = 0;                        // places taken by pages on their way into the queue
  bool writing_ = false;
  bool stop_ = false;
  bool ended_ = false;
  bool listing_ = true; // there is more to list; the thread's own
};

directory_worker::directory_worker(directory_worker_options options)
    : state_(std::make_shared<state>(std::move(options))), thread_([self = state_] { state::run(self); }) {}

directory_worker::~directory_worker() {
  if (state_->stop())
    thread_.join();
  else
    thread_.detach();
}

bool directory_worker::put(const page_identity& identity, std::span<const std::byte> page,
                           milliseconds patience) {
  return state_->put(identity, page, patience);
}

bool directory_worker::get(const page_identity& identity, read_done done) {
  return state_->get(identity, std::move(done));
}

bool directory_worker::contains(const page_key& key) const {
  return state_->contains(key);
}

bool directory_worker::flush(milliseconds limit) {
  return state_->flush(limit);
}

} // namespace troupe
