#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "net/api_keys.hpp"
#include "net/front_door.hpp"
#include "net/json_reader.hpp"
#include "net/response_store.hpp"

#include <unordered_set>

namespace troupe {

class metrics;

/// A connection, as the server's stop() sees it.
class session {
public:
  virtual ~session() = default;

  /// Finish the answer in progress, then close; at once if there is none.
  virtual void drain() = 0;

  /// Close now.
  virtual void abort() = 0;
};

/// What all connections of one server share. Only the I/O thread touches it.
struct server_context {
  server_context(const settings& configuration, metrics& numbers, const time_source& time, api_keys accepted)
      : config(configuration), counts(numbers), clock(time), keys(std::move(accepted)),
        json(static_cast<size_t>(configuration.body_bytes_max)),
        store(static_cast<size_t>(configuration.response_store_mib) << 20,
              std::chrono::seconds(configuration.response_store_ttl_s), time) {}

  settings config; // a copy: the server may outlive the caller's
  metrics& counts;
  const time_source& clock;
  api_keys keys;
  api_keys admin_keys; // for the routes under /admin/models
  json_reader json;
  response_store store;
  front_door* door = nullptr;
  bool draining = false;
  std::unordered_set<session*> sessions;

  /// Keep `sessions` and the gauge of open connections.
  void add(session*);
  void remove(session*);

  size_t body_bytes = 0; // request bodies and messages held by all connections
};

/// Bodies of all connections together; above it new ones get 503.
inline constexpr size_t body_bytes_total_max = 256 * 1024 * 1024;

/// Counts the bytes of one request against that, while it lives.
class body_budget {
public:
  explicit body_budget(server_context& context) : context_(context) {}
  body_budget(const body_budget&) = delete;
  body_budget& operator=(const body_budget&) = delete;
  ~body_budget() { context_.body_bytes -= held_; }

  /// False: the server holds too much already.
  bool hold(size_t bytes) {
    if (context_.body_bytes - held_ + bytes > body_bytes_total_max)
      return false;
    context_.body_bytes += bytes - held_;
    held_ = bytes;
    return true;
  }

private:
  server_context& context_;
  size_t held_ = 0;
};

} // namespace troupe
