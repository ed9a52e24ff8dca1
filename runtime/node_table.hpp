#pragma once

#include "actors/request_preparer.hpp"
#include "supervision/front.hpp"
#include "supervision/ledger.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// Spawns what supervises an engine: in this process, or one of its own.
using spawn_engine = std::function<engine_actor(caf::actor_system&, const ledger_actor&, metrics&)>;

/// What the node's actors are made of.
struct node_parts {
  spawn_engine engine;
  ledger_limits ledger;
  make_text_decoder decoder;
  token_bytes_of token_bytes;
  std::shared_ptr<const request_preparer> preparer;
  std::shared_ptr<node_health> health;
  milliseconds health_interval{1000};
  const time_source* clock = nullptr;
};

/// The node's supervision table. system and numbers must outlive the front.
std::vector<front_child> node_table(caf::actor_system& system, node_parts parts, metrics& numbers);

} // namespace troupe
