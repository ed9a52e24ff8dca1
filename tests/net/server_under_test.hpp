#pragma once

#include "net/http_server.hpp"
#include "observe/metrics.hpp"
#include "tests/net/fake_front_door.hpp"

#include <memory>
#include <stdexcept>

namespace troupe::test {

inline settings test_settings() {
  settings config;
  config.port = 0;
  return config;
}

/// A server on a free port of 127.0.0.1 in front of a fake.
class server_under_test {
public:
  explicit server_under_test(const settings& config = test_settings()) : numbers("test/model") {
    auto made = http_server::create(config, numbers, system_clock());
    if (!made)
      throw std::runtime_error(made.error().what());
    server = std::move(*made);
    door = std::make_unique<fake_front_door>(server->executor());
    if (const auto listening = server->listen(*door); !listening)
      throw std::runtime_error(listening.error().what());
  }
  ~server_under_test() { server->stop(milliseconds(0)); }

  uint16_t port() const { return server->port(); }

  metrics numbers;
  std::unique_ptr<http_server> server;
  std::unique_ptr<fake_front_door> door;
};

} // namespace troupe::test
