#include "supervision/supervision_table.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

supervision_table::supervision_table(restart_strategy strategy, restart_intensity intensity,
                                     std::vector<child_spec> children)
    : strategy_(strategy), intensity_(intensity) {
  for (auto& spec : children)
    children_.push_back({std::move(spec), child_state::stopped, false});
}

supervision_table::effects supervision_table::start_all() {
  for (auto& child : children_)
    child.pending = true;
  return start_if_quiet();
}

supervision_table::effects supervision_table::stop_all() {
  ending_ = true;
  effects out;
  for (size_t index = children_.size(); index-- > 0;) {
    children_[index].pending = false;
    if (children_[index].state == child_state::running) {
      children_[index].state = child_state::stopping;
      out.stop.push_back(index);
    }
  }
  out.all_down = std::all_of(children_.begin(), children_.end(),
                             [](const row& each) { return each.state == child_state::stopped; });
  return out;
}

supervision_table::effects supervision_table::down(size_t index, bool normal, steady_time now, bool counts) {
  auto& ended = children_.at(index);
  const bool expected = ended.state == child_state::stopping;
  ended.state = child_state::stopped;
  if (ending_) {
    effects out;
    out.all_down = std::all_of(children_.begin(), children_.end(),
                               [](const row& each) { return each.state == child_state::stopped; });
    return out;
  }
  const auto kind = ended.spec.restart;
  const bool restart = kind == restart_kind::permanent || (kind == restart_kind::transient && !normal);
  if (expected || !restart)
    return start_if_quiet();
  ++restarts_;
  if (counts)
    recent_.push_back(now);
  if (intensity_exceeded(now)) {
    auto out = stop_all();
    out.give_up = true;
    return out;
  }
  switch (strategy_) {
  case restart_strategy::one_for_one:
    return stop_and_start(index, index + 1);
  case restart_strategy::one_for_all:
    return stop_and_start(0, children_.size());
  case restart_strategy::rest_for_one:
    return stop_and_start(index, children_.size());
  }
  return {};
}

supervision_table::effects supervision_table::stop_and_start(size_t first, size_t last) {
  effects stops;
  for (size_t index = last; index-- > first;) {
    auto& each = children_[index];
    // A temporary sibling that has ended stays away.
    each.pending =
        each.pending || each.state != child_state::stopped || each.spec.restart != restart_kind::temporary;
    if (each.state == child_state::running) {
      each.state = child_state::stopping;
      stops.stop.push_back(index);
    }
  }
  auto starts = start_if_quiet();
  stops.start = std::move(starts.start);
  return stops;
}

supervision_table::effects supervision_table::start_if_quiet() {
  effects out;
  for (const auto& each : children_)
    if (each.state == child_state::stopping)
      return out;
  for (size_t index = 0; index < children_.size(); ++index) {
    auto& each = children_[index];
    if (each.pending) {
      TROUPE_CHECK(each.state == child_state::stopped, "a running child cannot be started");
      each.pending = false;
      each.state = child_state::running;
      out.start.push_back(index);
    }
  }
  return out;
}

bool supervision_table::intensity_exceeded(steady_time now) {
  const auto since = now - milliseconds(intensity_.period_ms);
  while (!recent_.empty() && recent_.front() <= since)
    recent_.pop_front();
  return static_cast<int64_t>(recent_.size()) > intensity_.restarts;
}

} // namespace troupe
