#pragma once

#include "supervision/actor_census.hpp"
#include "supervision/supervision_table.hpp"

#include <caf/actor.hpp>
#include <caf/local_actor.hpp>
#include <caf/system_messages.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// One row of a supervision table with the function that starts the child.
struct supervised_child {
  child_spec spec;
  std::function<caf::actor()> start;
};

/// Runs a supervision_table over real actors on behalf of the actor that owns it. Children are monitored, not
/// linked: CAF lets a `kill` cross a link past every exit handler, so a killed child would take its
/// supervisor along. The owner passes its down messages on and calls abandon() when it ends.
class child_table {
public:
  /// What the owner may want to know after on_down() or stop_all().
  struct outcome {
    std::optional<size_t> ended; // the child that ended by itself
    std::vector<size_t> started;
    bool gave_up = false;
    bool all_down = false;
  };

  /// census: counts every child; null: nobody does.
  child_table(caf::local_actor& owner, restart_strategy strategy, restart_intensity intensity,
              std::vector<supervised_child> children, const time_source& clock,
              std::shared_ptr<actor_census> census);

  outcome start_all();
  outcome stop_all();

  /// counts: asked of a child that ended by itself, whether it counts against the intensity; empty: it does.
  outcome on_down(const caf::down_msg& message, const std::function<bool(size_t child)>& counts = {});

  /// Kills children that were told to stop longer than their shutdown_ms ago. True: one of them does not even
  /// heed that, and waiting for it would be for ever.
  bool kill_slow();

  /// For the owner's on_exit(): nobody outlives the supervisor, however it ended. Drops all handles.
  void abandon();

  caf::actor handle(size_t child) const { return rows_.at(child).handle; }
  const child_spec& spec(size_t child) const { return table_.spec(child); }
  bool ending() const { return table_.ending(); }

private:
  struct row {
    std::function<caf::actor()> start;
    caf::actor handle; // of the current life, or of the last
    bool alive = false;
    bool killed = false;
    std::optional<steady_time> told_to_stop;
  };

  outcome act(const supervision_table::effects& effects);

  caf::local_actor& owner_;
  const time_source& clock_;
  std::shared_ptr<actor_census> census_;
  supervision_table table_;
  std::vector<row> rows_;
};

} // namespace troupe
