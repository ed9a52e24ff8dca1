#pragma once

#include "tests/sim/cluster_log.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

/// What happened in simulated clusters.
struct cluster_counts {
  int64_t cases = 0, happened = 0, simulated_us = 0;
  int64_t accepted = 0, rejected = 0, completed = 0, failed = 0, resumed = 0, gaps = 0;
  int64_t downs = 0, false_downs = 0, moves = 0, faults = 0, tokens = 0;

  cluster_counts& operator+=(const cluster_counts& other);
};

struct cluster_case {
  std::vector<log_record> log;
  std::vector<std::string> broken; // sentences of the checker
  cluster_counts counts;
};

/// Draws a cluster, its clients and its faults from a seed, lets it run, and checks its log.
cluster_case run_cluster_case(uint64_t seed);

/// The log as text.
std::string trace_of(const cluster_case& ran);

} // namespace troupe::sim
