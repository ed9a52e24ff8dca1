#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>

namespace troupe::test {

struct virtual_config : caf::actor_system_config {
  virtual_config() { set("scheduler.policy", caf::atom("testing")); }
};

/// An actor system without threads and with a clock of its own: actors run when the test says so.
struct virtual_system {
  virtual_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

  /// Until nobody has a message.
  void run() { scheduler.run(); }

  void advance(std::chrono::milliseconds by) {
    scheduler.advance_time(by);
    scheduler.run();
  }
};

} // namespace troupe::test
