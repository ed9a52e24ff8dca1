#include "supervision/child_table.hpp"

#include <caf/send.hpp>

#include <utility>

namespace troupe {

namespace {

constexpr int stuck_after = 3; // times shutdown_ms: no exit message ends a thread that never comes back

/// Ahead of everything else in the mailbox; CAF's own send_exit waits in line.
void send_exit(const caf::local_actor& from, const caf::actor& to, caf::exit_reason reason) {
  caf::anon_send<caf::message_priority::high>(to, caf::exit_msg{from.address(), reason});
}

std::vector<child_spec> specs_of(const std::vector<supervised_child>& children) {
  std::vector<child_spec> specs;
  for (const auto& child : children)
    specs.push_back(child.spec);
  return specs;
}

} // namespace

child_table::child_table(caf::local_actor& owner, restart_strategy strategy, restart_intensity intensity,
                         std::vector<supervised_child> children, const time_source& clock,
                         std::shared_ptr<actor_census> census)
    : owner_(owner), clock_(clock), census_(std::move(census)),
      table_(strategy, intensity, specs_of(children)) {
  for (auto& child : children)
    rows_.push_back(
        {.start = std::move(child.start), .handle = {}, .alive = false, .killed = false, .told_to_stop = {}});
}

child_table::outcome child_table::start_all() {
  return act(table_.start_all());
}

child_table::outcome child_table::stop_all() {
  return act(table_.stop_all());
}

child_table::outcome child_table::on_down(const caf::down_msg& message,
                                          const std::function<bool(size_t child)>& counts) {
  for (size_t index = 0; index < rows_.size(); ++index) {
    auto& ended = rows_[index];
    if (!ended.alive || ended.handle.address() != message.source)
      continue;
    ended.alive = false;
    const bool expected = std::exchange(ended.told_to_stop, std::nullopt).has_value();
    const bool normal = message.reason == caf::exit_reason::normal;
    auto out = act(table_.down(index, normal, clock_.now(), expected || !counts || counts(index)));
    if (!expected)
      out.ended = index;
    return out;
  }
  return {};
}

child_table::outcome child_table::act(const supervision_table::effects& effects) {
  for (auto index : effects.stop) {
    rows_[index].told_to_stop = clock_.now();
    send_exit(owner_, rows_[index].handle, caf::exit_reason::user_shutdown);
  }
  for (auto index : effects.start) {
    auto& started = rows_[index];
    started.handle = started.start();
    if (census_)
      census_->watch(started.handle);
    started.alive = true;
    started.killed = false;
    owner_.monitor(started.handle);
  }
  return {.ended = {}, .started = effects.start, .gave_up = effects.give_up, .all_down = effects.all_down};
}

bool child_table::kill_slow() {
  bool stuck = false;
  for (size_t index = 0; index < rows_.size(); ++index) {
    auto& slow = rows_[index];
    if (!slow.told_to_stop)
      continue;
    const auto since = clock_.now() - *slow.told_to_stop;
    const auto allowed = milliseconds(table_.spec(index).shutdown_ms);
    if (since > allowed && !std::exchange(slow.killed, true))
      send_exit(owner_, slow.handle, caf::exit_reason::kill);
    stuck = stuck || since > stuck_after * allowed;
  }
  return stuck;
}

void child_table::abandon() {
  for (auto& each : rows_) {
    if (each.alive)
      send_exit(owner_, each.handle, caf::exit_reason::user_shutdown);
    each.handle = nullptr;
  }
}

} // namespace troupe
