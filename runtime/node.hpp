#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "net/front_door.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace troupe {

struct node_options {
  bool listen = true; // false: no sockets, only door(); for `generate`, `chat` and host programs
  std::function<void(size_t done_bytes, size_t total_bytes)> progress; // of loading the weights; may be empty
};

/// One whole node in this process: model, supervised actors and, if asked for, the listener.
/// Errors of start(): the model cannot be loaded, the address is in use, a key file cannot be read: a
/// sentence each.
class node {
public:
  static result<std::unique_ptr<node>> start(const settings&, node_options);
  ~node(); // stop(), if that has not happened

  /// Thread-safe. Listeners are called on the node's I/O thread.
  front_door& door();

  uint16_t port() const; // 0 without a listener

  /// Refuses new requests, lets running ones finish for at most drain_ms, then ends everything.
  void stop(int64_t drain_ms);

  node(const node&) = delete;
  node& operator=(const node&) = delete;

private:
  class impl;
  explicit node(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
