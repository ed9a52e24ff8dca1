#pragma once

#include "net/front_door.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

namespace troupe {

/// A listener that keeps everything and lets a test wait, with a bound, for what it needs. It acknowledges
/// like a prompt reader.
class answer_collector final : public stream_listener {
public:
  explicit answer_collector(front_door& door) : door_(door) {}

  void on_accepted(const accepted_response& value) override {
    const std::scoped_lock lock(mutex_);
    accepted_ = value;
    changed_.notify_all();
  }

  void on_rejected(const rejection& value) override {
    const std::scoped_lock lock(mutex_);
    rejected_ = value;
    changed_.notify_all();
  }

  void on_events(std::span<const response_event> batch) override {
    door_.acknowledge(batch.back().response_id, batch.back().sequence_number);
    const std::scoped_lock lock(mutex_);
    events_.insert(events_.end(), batch.begin(), batch.end());
    changed_.notify_all();
  }

  /// True once the answer ended or was refused.
  bool wait_end() {
    return wait([this] { return rejected_ || (!events_.empty() && is_terminal(events_.back().kind)); });
  }

  bool wait_events(size_t count) {
    return wait([this, count] { return events_.size() >= count; });
  }

  std::vector<response_event> events() const {
    const std::scoped_lock lock(mutex_);
    return events_;
  }

  std::optional<rejection> rejected() const {
    const std::scoped_lock lock(mutex_);
    return rejected_;
  }

private:
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), condition);
  }

  front_door& door_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<accepted_response> accepted_;
  std::optional<rejection> rejected_;
  std::vector<response_event> events_;
};

} // namespace troupe
