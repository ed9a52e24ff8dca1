#pragma once

#include "supervision/cluster/cluster_effects.hpp"

#include <deque>
#include <string>

namespace troupe {

/// Drops that were not confirmed yet: said again a few times. One that never gets through costs its receiver
/// memory until the entry's deadline, no more. Plain code.
class pending_drops {
public:
  void add(const std::string& node, entry_drop drop, steady_time now, cluster_effects& out);
  void take(const std::string& from, const entry_drop_ack& ack);
  void lose(const std::string& node);
  void tick(steady_time now, cluster_effects& out);
  size_t size() const { return drops_.size(); }

private:
  struct pending {
    std::string node = {};
    entry_drop drop;
    steady_time next{};
    int tries = 0;
  };

  std::deque<pending> drops_; // oldest first
};

} // namespace troupe
