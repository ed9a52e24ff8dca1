#pragma once

#include "supervision/cluster/cluster_node.hpp"
#include "tests/sim/sim_network.hpp"

#include <string>
#include <vector>

namespace troupe::sim {

/// What one client of a simulated cluster will do.
struct planned_request {
  int64_t at_us = 0;
  size_t node = 0;
  open_entry request;
  int64_t cancel_at = -1;     // once it saw so many events; -1: never
  int64_t leave_at = -1;      // likewise: it goes to another node
  int64_t away_us = 0;        // and comes back after so long
  int32_t poison_at = -1;     // computing this position kills the engine
  int64_t spied_us = -1;      // then somebody without its key asks for it
  bool kills_process = false; // or its process, where that leaves one failure at a time
};

enum class cluster_fault : uint8_t {
  kill,         // a process, started again later under the same name
  stop,         // SIGSTOP, and SIGCONT later
  part,         // a node from some others, both ways
  part_one_way, // messages to it, or from it, are lost
  break_links,
  kill_engine,
  stall, // alive, and its engine and all that must make progress stand still
  slow,  // steps take ten times as long
  leave, // planned; started again later
  kinds
};

struct planned_fault {
  int64_t after_us = 0; // the one before is over
  cluster_fault kind = cluster_fault::kill;
  size_t node = 0;
  int64_t lasts_us = 0;
  uint64_t choice = 0; // whatever else it takes
};

struct cluster_plan {
  std::vector<std::string> names;
  std::vector<uint64_t> classes; // numeric, by node
  cluster_options options;       // membership.self is set for each
  bool seed_only = false;        // nodes know only the first one's address to begin with
  network_terms network;
  int64_t step_us = 10'000;
  std::vector<planned_request> requests;
  std::vector<planned_fault> faults;
};

/// Draws a cluster, its clients and its faults.
cluster_plan draw_cluster(uint64_t seed);

} // namespace troupe::sim
