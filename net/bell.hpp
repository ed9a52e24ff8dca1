#pragma once

#include "base/clock.hpp"
#include "net/asio.hpp"

namespace troupe {

/// Wakes the one coroutine that waits for it. Rings once for any number of ring() calls, also for earlier
/// ones.
class bell {
public:
  explicit bell(const asio::any_io_executor& executor) : timer_(executor) {}

  /// Until ring() or the end of the limit. False: nobody rang.
  awaitable<bool> wait(milliseconds limit) {
    if (!rung_) {
      error_code ignored;
      timer_.expires_after(limit);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return std::exchange(rung_, false);
  }

  void ring() {
    rung_ = true;
    timer_.cancel();
  }

private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

} // namespace troupe
