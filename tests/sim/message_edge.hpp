#pragma once

#include <deque>
#include <functional>
#include <vector>

namespace troupe::sim {

/// Something that may happen next.
struct choice {
  const char* name;
  double weight; // beside the others'
  std::function<void()> happen;
};

/// Messages from one actor to another: they arrive in the order of sending, and when chance says so.
class message_edge {
public:
  explicit message_edge(const char* name) : name_(name) {}

  double weight = 1; // a small one makes a slow edge

  void send(std::function<void()> deliver) { messages_.push_back(std::move(deliver)); }
  bool empty() const { return messages_.empty(); }
  size_t size() const { return messages_.size(); }
  void clear() { messages_.clear(); }

  void deliver() {
    const auto first = std::move(messages_.front());
    messages_.pop_front();
    first();
  }

  void offer(std::vector<choice>& out) {
    if (!empty())
      out.push_back({name_, weight, [this] { deliver(); }});
  }

private:
  const char* name_;
  std::deque<std::function<void()>> messages_;
};

} // namespace troupe::sim
