#pragma once

#include "supervision/cluster/cluster_effects.hpp"
#include "tests/sim/stub_model.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {

/// What a step of the stub engine gives.
struct stub_step {
  std::vector<std::pair<run_id, sampled_token>> tokens;
  std::set<run_id> in_step;
  bool poisoned = false; // it died: no token counts
};

/// An engine without time: runs in batches, those that are apart one by one.
class stub_engine {
public:
  explicit stub_engine(size_t capacity) : capacity_(capacity) {}

  /// poison_at: computing this position of the answer kills the engine; -1: none does.
  void start(const attempt_start& start, int32_t poison_at);
  void stop(run_id run) { runs_.erase(run); }
  stub_step step();

  /// Every run is gone with it.
  std::set<run_id> die();
  bool idle() const { return runs_.empty(); }
  const std::string& id_of(run_id run) const { return runs_.at(run).id; }
  bool runs(run_id run) const { return runs_.contains(run); }

private:
  struct one_run {
    std::string id;
    stub_sequence sequence;
    bool apart = false;
    int32_t poison_at = -1;
  };

  size_t capacity_;
  std::map<run_id, one_run> runs_;
  run_id turn_ = 0; // the last run that had a step alone
  bool together_ = false;
};

} // namespace troupe::sim
