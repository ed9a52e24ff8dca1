#pragma once

#include "base/clock.hpp"
#include "net/asio.hpp"
#include "net/frame_watch.hpp"

#include <functional>
#include <optional>

namespace troupe {

/// Ends a WebSocket whose client begins a frame or a message and does not go on: within each `limit` it must
/// end or bring another 256 KiB. Empty fragments are no progress.
class frame_patience {
public:
  /// over: called when the patience is over, even if this is gone by then.
  frame_patience(const asio::any_io_executor&, milliseconds limit, std::function<void()> over);

  /// What came from the client.
  void see(std::span<const unsigned char>);

private:
  void start();

  asio::steady_timer timer_;
  milliseconds limit_;
  std::function<void()> over_;
  frame_watch frames_;
  std::optional<uint64_t> payload_wanted_; // while a frame or message is open
};

} // namespace troupe
