#pragma once

#include "base/clock.hpp"
#include "supervision/child_spec.hpp"

#include <deque>
#include <vector>

namespace troupe {

/// Who is stopped and started when a child ends: the supervisor without the actors.
class supervision_table {
public:
  /// Children by their row: first stop those in `stop`, in this order; then start those in `start`.
  struct effects {
    std::vector<size_t> stop;
    std::vector<size_t> start;
    bool give_up = false;  // the intensity is exceeded: end with a reason once all children are down
    bool all_down = false; // after give_up or stop_all(): nobody is left
  };

  supervision_table(restart_strategy strategy, restart_intensity intensity, std::vector<child_spec> children);

  /// Everybody, in the order of the table.
  effects start_all();

  /// Everybody, in reverse order; nobody is started again.
  effects stop_all();

  /// A child ended. Starts come only when all that must stop first are down. counts: against the intensity.
  effects down(size_t child, bool normal, steady_time now, bool counts = true);

  const child_spec& spec(size_t child) const { return children_.at(child).spec; }
  size_t size() const { return children_.size(); }
  bool ending() const { return ending_; }
  uint64_t restarts() const { return restarts_; } // of children that ended by themselves

private:
  enum class child_state { stopped, running, stopping };
  struct row {
    child_spec spec;
    child_state state = child_state::stopped;
    bool pending = false; // to be started once everybody who must stop is down
  };

  effects stop_and_start(size_t first, size_t last);
  effects start_if_quiet();
  bool intensity_exceeded(steady_time now);

  restart_strategy strategy_;
  restart_intensity intensity_;
  std::vector<row> children_;
  std::deque<steady_time> recent_;
  uint64_t restarts_ = 0;
  bool ending_ = false;
};

} // namespace troupe
