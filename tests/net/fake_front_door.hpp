#pragma once

#include "net/front_door.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace troupe::test {

/// A front door that a test plays: it sees what was submitted, acknowledged and cancelled, and answers what
/// the test tells it to, on the server's I/O thread.
class fake_front_door final : public front_door {
public:
  using executor = std::function<void(std::function<void()>)>;
  explicit fake_front_door(executor post) : post_(std::move(post)) {}

  void submit(generation_request request, std::shared_ptr<stream_listener> listener) override {
    const std::lock_guard lock(mutex_);
    listeners_[request.response_id] = std::move(listener);
    order_.push_back(request.response_id);
    requests_.push_back(std::move(request));
    if (on_submit)
      on_submit(*this, requests_.back());
    changed_.notify_all();
  }

  void acknowledge(std::string_view id, int64_t sequence) override {
    const std::lock_guard lock(mutex_);
    acknowledged_[std::string(id)] = sequence;
    changed_.notify_all();
  }

  void cancel(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(std::string(id));
    changed_.notify_all();
  }

  void stop(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    stopped_.insert(std::string(id));
    changed_.notify_all();
  }

  void detach(std::string_view id, std::shared_ptr<stream_listener>) override {
    const std::lock_guard lock(mutex_);
    detached_.insert(std::string(id));
    changed_.notify_all();
  }

  void attach(attach_reader reader, std::shared_ptr<stream_listener> listener) override {
    const std::lock_guard lock(mutex_);
    former_ = std::exchange(listeners_[reader.response_id], std::move(listener));
    attached_.push_back(std::move(reader));
    changed_.notify_all();
  }

  node_status status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  std::vector<served_model> models() const override { return {{"test/model", 1'700'000'000, 2048}}; }
  void inject(const inject_fault& fault) override {
    const std::lock_guard lock(mutex_);
    faults.push_back(fault);
  }

  /// What to do with each request, e.g. answer_with({"a", "b"}). Runs inside submit().
  std::function<void(fake_front_door&, const generation_request&)> on_submit;
  std::vector<inject_fault> faults;

  void set_ready(bool ready) {
    const std::lock_guard lock(mutex_);
    status_.ready = ready;
  }

  // -- what a test says --

  void accept(const std::string& id) {
    post_([this, id] {
      if (const auto listener = find(id))
        listener->on_accepted({id, 1'700'000'001, "test/model", 7, 100, 1, ""});
    });
  }
  /// Answers attach(). The one who listened before hears of it.
  void accept_reader(const std::string& id, const std::string& door_state, bool read_already = false) {
    post_([this, id, door_state, read_already] {
      if (const auto former = std::exchange(former_, nullptr))
        former->on_taken_over();
      find(id)->on_accepted({id, 1'700'000'001, "test/model", 7, 100, 1, door_state, read_already});
    });
  }
  void reject(const std::string& id, rejection why) {
    post_([this, id, why] {
      if (const auto listener = find(id))
        listener->on_rejected(why);
    });
  }
  void send(const std::string& id, std::vector<response_event> events) {
    post_([this, id, events] {
      if (const auto listener = find(id))
        listener->on_events(events);
    });
  }

  // -- what a test sees --

  template <class Condition>
  bool wait_for(Condition condition, int limit_ms = 3000) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(limit_ms), condition);
  }

  /// The id of the nth request (from 0), once it came; else empty.
  std::string wait_for_request(size_t index) {
    return wait_for([&] { return order_.size() > index; }) ? request(index).response_id : "";
  }
  bool wait_for_cancel(const std::string& id, int limit_ms = 1000) {
    return wait_for([&] { return cancelled_.contains(id); }, limit_ms);
  }
  bool wait_for_stop(const std::string& id) {
    return wait_for([&] { return stopped_.contains(id); });
  }
  bool wait_for_detach(const std::string& id) {
    return wait_for([&] { return detached_.contains(id); });
  }
  bool was_detached(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return detached_.contains(id);
  }
  size_t attach_count() const {
    const std::lock_guard lock(mutex_);
    return attached_.size();
  }
  /// The nth reader that came back.
  attach_reader wait_for_attach(size_t index) {
    return wait_for([&] { return attached_.size() > index; }) ? attached_.at(index) : attach_reader();
  }
  bool wait_for_acknowledge(const std::string& id, int64_t sequence) {
    return wait_for([&] { return acknowledged_.contains(id) && acknowledged_[id] >= sequence; });
  }
  const generation_request& request(size_t index) const { return requests_.at(index); }
  size_t request_count() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  bool was_cancelled(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return cancelled_.contains(id);
  }
  int64_t acknowledged(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return acknowledged_.contains(id) ? acknowledged_[id] : -1;
  }

private:
  std::shared_ptr<stream_listener> find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = listeners_.find(id);
    return found == listeners_.end() ? nullptr : found->second;
  }

  executor post_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  node_status status_{true, true, ""};
  std::map<std::string, std::shared_ptr<stream_listener>> listeners_;
  std::vector<std::string> order_;
  std::deque<generation_request> requests_;
  std::map<std::string, int64_t> acknowledged_;
  std::set<std::string> cancelled_, stopped_, detached_;
  std::deque<attach_reader> attached_;
  std::shared_ptr<stream_listener> former_; // until its successor is accepted
};

/// All events of an answer with these deltas, sequence numbers from 0.
std::vector<response_event> events_of(const std::string& id, const std::vector<std::string>& deltas,
                                      event_kind terminal = event_kind::completed);

/// For on_submit: accept, then everything at once.
std::function<void(fake_front_door&, const generation_request&)>
answer_with(std::vector<std::string> deltas, event_kind terminal = event_kind::completed);

} // namespace troupe::test
