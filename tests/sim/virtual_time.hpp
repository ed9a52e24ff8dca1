#pragma once

#include "base/clock.hpp"

#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace troupe::sim {

/// A clock and what is going to happen, in the order of time and, at one time, of planning. One source of
/// chance for all of it: so a seed decides everything.
class virtual_time {
public:
  explicit virtual_time(uint64_t seed) : random_(seed) {}

  const manual_clock& clock() const { return clock_; }
  int64_t now_us() const { return now_us_; }

  void after(int64_t delay_us, std::function<void()> happen) {
    planned_.push({now_us_ + std::max<int64_t>(0, delay_us), next_++, std::move(happen)});
  }

  /// False: nothing is planned.
  bool step() {
    if (planned_.empty())
      return false;
    auto first = std::move(const_cast<plan&>(planned_.top()));
    planned_.pop();
    clock_.advance(microseconds(first.at_us - now_us_));
    now_us_ = first.at_us;
    ++happened_;
    first.happen();
    return true;
  }

  int64_t happened() const { return happened_; }

  int64_t between(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  uint64_t number() { return random_(); }

private:
  struct plan {
    int64_t at_us = 0;
    uint64_t order = 0;
    std::function<void()> happen;
    bool operator<(const plan& other) const {
      return std::pair(at_us, order) > std::pair(other.at_us, other.order); // the earliest on top
    }
  };

  manual_clock clock_;
  int64_t now_us_ = 0;
  uint64_t next_ = 0;
  int64_t happened_ = 0;
  std::priority_queue<plan> planned_;
  std::mt19937_64 random_;
};

} // namespace troupe::sim
