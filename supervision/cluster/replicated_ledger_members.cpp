#include "supervision/cluster/replicated_ledger.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// Whether a death may be the work of a request that was computed there.
bool may_be_fatal(down_reason reason) {
  return reason == down_reason::refused || reason == down_reason::replaced ||
         reason == down_reason::no_progress;
}

} // namespace

void replicated_ledger::member_changed(const member_event& event, cluster_effects& out) {
  const auto& name = event.card.name;
  const bool self = name == members_.self().name;
  if (event.change == member_change::up || (event.change == member_change::renewed && !self))
    announce_all(name, out);
  if (event.change == member_change::up)
    missing_.erase(name);
  if (event.change == member_change::renewed && self) {
    for (const auto& peer : peers())
      announce_all(peer, out);
    // Who thought this node dead took over what it had copies of, and may have none any more.
    for (auto& [id, entry] : owned_)
      if (entry.buddy)
        entry.buddy->ask_again();
  }
  const bool gone = event.change == member_change::down || event.change == member_change::left;
  if (!gone && event.change != member_change::leaving)
    return;
  if (event.change == member_change::down)
    missing_[name] = clock_.now();
  if (gone)
    drops_.lose(name);
  std::vector<std::string> ids;
  for (const auto& [id, entry] : owned_)
    ids.push_back(id);
  for (const auto& id : ids) {
    auto& entry = owned_.at(id);
    if (entry.buddy && entry.buddy->target() == name) {
      if (!gone && entry.buddy->held())
        entry.buddy_before = name;
      give_buddy_up(entry, out);
      if (gone && entry.buddy_before == name)
        entry.buddy_before.reset();
    }
    if (gone && entry.move_to_confirm == name)
      entry.move_to_confirm.reset();
    if (gone && entry.move && entry.move->target() == name)
      abandon_move(entry, true, out);
    if (gone && entry.attempt.node == name) {
      entry.attempt.node.clear();
      entry.attempt.sender.reset();
      entry.attempt.excluded.insert(name);
      if (may_be_fatal(event.reason))
        count_fatal_step(entry, out);
      if (!entry.ended)
        want_attempt(entry);
    }
  }
  if (gone)
    for (auto& record : copies_.orphaned(name))
      take_over(std::move(record), may_be_fatal(event.reason), out);
}

void replicated_ledger::leave() {
  if (!leave_until_)
    leave_until_ = clock_.now() + limits_.leave_max;
}

/// Entries that nobody reads here go at once, the others once their answer has ended, or time is up.
void replicated_ledger::hand_on(cluster_effects& out) {
  if (!leave_until_)
    return;
  const bool time_is_up = clock_.now() >= *leave_until_;
  std::vector<std::string> ids;
  for (const auto& [id, entry] : owned_)
    ids.push_back(id);
  for (const auto& id : ids) {
    auto& entry = owned_.at(id);
    if (entry.move || !resumable(entry) || (ledger_.reader_of(id) && !time_is_up))
      continue;
    const auto target =
        entry.buddy && entry.buddy->held() ? std::optional(entry.buddy->target()) : choose_buddy(entry);
    if (target)
      start_move(entry, *target, out);
  }
}

bool replicated_ledger::handed_on(bool engine_empty) const {
  if (!leave_until_)
    return false;
  const auto now = clock_.now();
  return (owned_.empty() && copies_.copies() == 0 && engine_empty) ||
         now >= *leave_until_ + limits_.leave_max || (now >= *leave_until_ && members_.members().empty());
}

/// A node that may have what is looked for died lately, or was not met since this one started: that nobody
/// else has it means nothing yet.
bool replicated_ledger::someone_missing() const {
  if (clock_.now() < started_ + limits_.ledger.resume_window && members_.someone_unmet())
    return true;
  return std::ranges::any_of(
      missing_, [&](const auto& each) { return clock_.now() < each.second + limits_.ledger.resume_window; });
}

} // namespace troupe
