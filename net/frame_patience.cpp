#include "net/frame_patience.hpp"

#include <utility>

namespace troupe {

namespace {

constexpr uint64_t progress_bytes = 256 * 1024;

} // namespace

frame_patience::frame_patience(const asio::any_io_executor& executor, milliseconds limit,
                               std::function<void()> over)
    : timer_(executor), limit_(limit), over_(std::move(over)) {}

void frame_patience::see(std::span<const unsigned char> bytes) {
  const bool ended_one = frames_.see(bytes);
  if (!frames_.open()) {
    if (std::exchange(payload_wanted_, std::nullopt))
      timer_.cancel();
  } else if (!payload_wanted_ || ended_one || frames_.payload() >= *payload_wanted_) {
    payload_wanted_ = frames_.payload() + progress_bytes;
    start();
  }
}

void frame_patience::start() {
  timer_.expires_after(limit_);
  timer_.async_wait([over = over_](const error_code& cancelled) {
    if (!cancelled)
      over();
  });
}

} // namespace troupe
