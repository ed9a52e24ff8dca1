#pragma once

#include "supervision/cluster/cluster_effects.hpp"
#include "supervision/cluster/entry_record.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace troupe {

struct host_limits {
  size_t attempts_max = 256;              // beyond it: refused
  int64_t bytes_max = int64_t{256} << 20; // of prompts and tokens of all of them
  milliseconds resend_after{300};         // results that nobody acknowledged
};

/// The engine's side of a cluster: attempts that homes, this node's own too, have sent here. It runs the
/// newest epoch of each, keeps what its home has not acknowledged, and drops what nobody waits for: the
/// attempts of a home that died, and those past their deadline. Plain code.
class attempt_host {
public:
  explicit attempt_host(host_limits limits) : limits_(limits) {}

  void take(const std::string& home, const entry_head& head, steady_time now, cluster_effects& out);
  void take(const std::string& home, const entry_prompt& part, cluster_effects& out);
  void take(const std::string& home, const entry_tokens& part, cluster_effects& out);
  void take(const std::string& home, const entry_drop& drop, cluster_effects& out);
  void take(const std::string& home, const attempt_tokens_ack& ack);

  /// From the engine: the next tokens of a run.
  void computed(run_id run, const std::vector<sampled_token>& tokens, steady_time now, cluster_effects& out);

  /// The engine died, and with it all runs; in_step: those that the fatal step held.
  void engine_died(const std::set<run_id>& in_step, cluster_effects& out);

  /// Nobody waits for its attempts.
  void lose_home(const std::string& home, cluster_effects& out);
  void tick(steady_time now, cluster_effects& out);

  size_t size() const { return attempts_.size(); }
  int64_t bytes() const { return bytes_; }

private:
  struct attempt {
    entry_assembly assembly;
    std::string home = {};
    bool apart = false;
    run_id run = 0;                  // 0: not started
    uint32_t acked = 0;              // tokens of the answer that the home has
    int64_t counted = 0;             // bytes, as promised
    bool finished = false;           // its last token is there
    std::optional<bool> failed = {}; // in the fatal step or not; said until the home drops it
    steady_time last_sent{};
  };
  using attempt_map = std::map<std::string, attempt>; // by response id

  attempt* find(const std::string& id, const attempt_epoch& epoch);
  void start_if_complete(attempt& started, cluster_effects& out);
  void answer(const attempt& about, cluster_effects& out);
  void report(attempt& about, uint32_t from, steady_time now, cluster_effects& out);
  attempt_map::iterator forget(attempt_map::iterator at, cluster_effects& out);

  host_limits limits_;
  attempt_map attempts_;
  std::map<run_id, std::string> runs_;
  run_id next_run_ = 1;
  int64_t bytes_ = 0; // as promised by the heads
};

} // namespace troupe
