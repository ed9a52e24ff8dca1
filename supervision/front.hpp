#pragma once

#include "actors/interfaces.hpp"
#include "actors/node_health.hpp"
#include "observe/metrics.hpp"
#include "supervision/child_table.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// The handles of the front's children, of their current lives. A start function puts its own child's in.
struct front_children {
  ledger_actor ledger;
  engine_actor engine;
  intake_actor intake;
  health_monitor_actor health;
};

/// One row of the node's supervision table (runtime/node_table.cpp).
struct front_child {
  child_spec spec;
  std::function<caf::actor(front_children&)> start;
};

struct front_options {
  std::vector<front_child> table; // rest_for_one: the ledger, then those who hold its handle
  restart_intensity intensity;
  std::shared_ptr<node_health> health;
  const time_source* clock = nullptr;
  std::shared_ptr<actor_census> census; // counts the table's actors; may be null
};

/// The node's root supervisor, and the one handle that doors know: it passes on to whoever lives now.
class front final : public front_actor::base {
public:
  /// metrics must outlive the actor.
  front(caf::actor_config& config, front_options options, metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  std::vector<supervised_child> children();
  void handle(const child_table::outcome& outcome, const caf::error& reason);
  void on_engine_end();
  void note_subscriber(const subscriber_actor& subscriber);
  void tell_ledger_lost();

  front_options options_;
  metrics& metrics_;
  front_children current_;
  child_table children_;
  bool engine_gone_ = false;                  // for good
  std::vector<subscriber_actor> subscribers_; // doors that submitted something: to be told of a lost ledger
};

} // namespace troupe
