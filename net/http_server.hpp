#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "net/front_door.hpp"

#include <functional>
#include <memory>

namespace troupe {

class metrics;

/// The OpenAI HTTP API, its SSE streams, the WebSocket of the Responses API, probes and the metrics page: one
/// listener and one I/O thread. Two phases, since the front door wants to know where to call back:
///
///     auto server = http_server::create(settings, metrics, system_clock());
///     actor_bridge door(..., (*server)->executor());
///     (*server)->listen(door);
class http_server {
public:
  /// Reads the API keys; nothing listens yet. numbers and clock must outlive the server.
  /// Errors: bad_key_file; keys_required if host is not loopback and there are no keys.
  static result<std::unique_ptr<http_server>> create(const settings&, metrics& numbers,
                                                     const time_source& clock);

  /// Stops at once if stop() was not called.
  ~http_server();

  /// Runs a function on the I/O thread: where every stream_listener must be called. May be called from any
  /// thread, also before listen(). After the server's end functions are dropped.
  std::function<void(std::function<void()>)> executor() const;

  /// Binds and starts the I/O thread. The door must live until stop() has returned. Errors: listen_failed.
  status listen(front_door& door);

  /// What port 0 became.
  uint16_t port() const;

  /// Accepts no more, lets answers in progress finish within `grace`, then closes all. Returns when the I/O
  /// thread has ended. Not from the I/O thread.
  void stop(milliseconds grace);

private:
  class implementation;
  explicit http_server(std::unique_ptr<implementation>);

  std::unique_ptr<implementation> implementation_;
};

/// Raises the limit of open files to the hard limit; returns the limit in force. Programs call it at start.
uint64_t raise_open_files_limit();

} // namespace troupe
