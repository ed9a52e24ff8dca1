#pragma once

#include <cstdint>

namespace troupe::sim {

/// What happened in a world, or in many.
struct world_counts {
  int64_t events = 0, steps = 0, preempted = 0, canaries = 0, restarts = 0, fatal_steps = 0;
  int64_t accepted = 0, completed = 0, cancelled = 0, late = 0, failed = 0, resumed = 0, stale_tokens = 0;
  int64_t stopped = 0;                                  // by an end token
  int64_t cached_tokens = 0, page_waits = 0, apart = 0; // as of engine_life

  world_counts& operator+=(const world_counts& other) {
    for (auto each :
         {&world_counts::events, &world_counts::steps, &world_counts::preempted, &world_counts::canaries,
          &world_counts::restarts, &world_counts::fatal_steps, &world_counts::accepted,
          &world_counts::completed, &world_counts::cancelled, &world_counts::late, &world_counts::failed,
          &world_counts::resumed, &world_counts::stale_tokens, &world_counts::stopped,
          &world_counts::cached_tokens, &world_counts::page_waits, &world_counts::apart})
      this->*each += other.*each;
    return *this;
  }
};

} // namespace troupe::sim
