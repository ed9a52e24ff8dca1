#include "supervision/cluster/replicated_ledger.hpp"

#include "supervision/cluster/stable_hash.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

/// The plain ledger sees one engine that never dies: where an answer is computed, and again, is decided here.
constexpr epoch_number only_epoch = 1;

} // namespace

replicated_ledger::replicated_ledger(replication_limits limits, make_text_decoder decoder,
                                     const time_source& clock, const membership& members, routing& routes,
                                     replica_store& copies, token_bytes_of bytes)
    : limits_(limits), clock_(clock), members_(members), routes_(routes), copies_(copies),
      ledger_(limits.ledger, std::move(decoder), clock, std::move(bytes)), lookups_(limits.lookup),
      started_(clock.now()) {
  ledger_.engine_started({only_epoch, {}});
}

owned_entry* replicated_ledger::find(const std::string& id) {
  const auto found = owned_.find(id);
  return found == owned_.end() ? nullptr : &found->second;
}

std::set<std::string> replicated_ledger::peers() const {
  std::set<std::string> out;
  for (const auto& [name, known] : members_.members())
    out.insert(name);
  return out;
}

bool replicated_ledger::resumable(const owned_entry& entry) const {
  return !entry.record.request.resume.stream_token.empty() && limits_.ledger.resume_window > milliseconds(0);
}

/// What the plain ledger wants done. Its own engine is no engine: dispatches become attempts.
void replicated_ledger::act(ledger_effects effects, cluster_effects& out) {
  std::map<std::string, std::string> why;
  for (auto& [subscriber, event] : effects.events) {
    if (event.kind == event_kind::failed)
      why[event.response_id] = event.error_message;
    if (subscriber != 0)
      out.events.push_back({subscriber, std::move(event)});
  }
  const auto entry_of = [&](sequence_id id) -> owned_entry* {
    const auto named = by_sequence_.find(id);
    return named == by_sequence_.end() ? nullptr : find(named->second);
  };
  for (const auto& dispatch : effects.dispatches)
    if (auto* entry = entry_of(dispatch.id))
      want_attempt(*entry);
  for (const auto& cancel : effects.cancels)
    if (auto* entry = entry_of(cancel.id))
      stop_attempt(*entry, out);
  for (auto& ended : effects.ended) {
    if (auto* entry = find(ended.response_id); entry && entry->accepted() && !entry->ended) {
      entry->ended = true;
      if (ended.kind == event_kind::failed)
        entry->record.notes.failure = {ended.error, why[ended.response_id]};
      // A node that took over behind a partition sees no reader; the one with the reader must not hear of
      // that.
      entry->unwanted =
          ended.kind == event_kind::failed && ended.error == request_error::cancelled && !entry->cancelled;
      note_change(*entry);
      stop_attempt(*entry, out);
    }
    out.ended.push_back(std::move(ended));
  }
  out.stale_tokens += effects.stale_tokens;
}

std::optional<rejection> replicated_ledger::refuse(const open_entry& request) const {
  if (leaving())
    return rejection{request_error::not_ready, "this node is going away: ask another", "", 1};
  if (request.response_id.empty() || request.response_id.size() > response_id_bytes_max ||
      owned_.contains(request.response_id) || copies_.find(request.response_id))
    return rejection{request_error::invalid_value, "a response with this id is in progress", "id", 0};
  if (owned_.size() >= 2 * limits_.ledger.entries_max)
    return rejection{request_error::too_many_requests,
                     fmt::format("{} responses are held here, the limit: retry later", owned_.size()), "", 1};
  if (ledger_.entries() >= limits_.ledger.entries_max)
    return rejection{
        request_error::too_many_requests,
        fmt::format("{} requests are in progress, the limit (requests_max): retry later", ledger_.entries()),
        "", 1};
  if (head_bytes(request) > limits_.head_bytes_max)
    return rejection{request_error::invalid_value,
                     fmt::format("the request takes {} bytes beside its prompt, more than {}: shorten it",
                                 head_bytes(request), limits_.head_bytes_max),
                     "", 0};
  return std::nullopt;
}

void replicated_ledger::submit(open_entry request, subscriber_key subscriber, ticket_id ticket,
                               cluster_effects& out) {
  if (auto refused = refuse(request)) {
    out.answers.push_back({ticket, std::move(*refused)});
    return;
  }
  const auto now = clock_.now();
  const auto id = request.response_id;
  auto& entry = owned_[id];
  entry.record.id = id;
  entry.record.epoch.owner = {1, members_.self().name};
  entry.record.deadline = now + milliseconds(request.timeout_ms);
  entry.record.request = std::move(request);
  entry.record.notes.numeric_class = members_.self().numeric_class;
  entry.subscriber = subscriber;
  entry.ticket = ticket;
  entry.submitted = now;
  if (!resumable(entry) || members_.members().empty())
    return accept(entry, out);
  look_for_buddy(entry, out);
}

/// Event 0 leaves.
void replicated_ledger::accept(owned_entry& entry, cluster_effects& out) {
  const auto id = entry.record.id;
  auto request = entry.record.request;
  const auto left = std::chrono::duration_cast<milliseconds>(entry.record.deadline - clock_.now());
  request.timeout_ms = std::max<int64_t>(0, left.count());
  ledger_effects effects;
  auto outcome = ledger_.open(std::move(request), entry.subscriber, effects);
  if (auto* refused = std::get_if<rejection>(&outcome))
    return reject(id, std::move(*refused), out);
  entry.record.acceptance = std::get<accepted_response>(outcome);
  entry.sequence = ledger_.sequence_of(id);
  by_sequence_[entry.sequence] = id;
  entry.record.notes.committed = true;
  note_change(entry);
  entry.no_buddies.clear();
  out.answers.push_back({entry.ticket, std::move(outcome)});
  act(std::move(effects), out);
}

void replicated_ledger::reject(const std::string& id, rejection why, cluster_effects& out) {
  auto& entry = owned_.at(id);
  out.answers.push_back({entry.ticket, std::move(why)});
  // Whoever was asked may have it by now, and must never run it.
  for (const auto& asked : entry.no_buddies)
    drops_.add(asked, {transfer_purpose::copy, id, entry.record.epoch}, clock_.now(), out);
  forget(id, out);
}

void replicated_ledger::forget(const std::string& id, cluster_effects& out) {
  auto& entry = owned_.at(id);
  stop_attempt(entry, out);
  copies_.unreserve(id);
  const auto now = clock_.now();
  const entry_drop drop{transfer_purpose::copy, id, entry.record.epoch};
  if (entry.buddy)
    drops_.add(entry.buddy->target(), drop, now, out);
  if (entry.buddy_before)
    drops_.add(*entry.buddy_before, drop, now, out);
  for (const auto& waiting : entry.readers_ahead)
    out.lost_readers.push_back({waiting.subscriber, id});
  by_sequence_.erase(entry.sequence);
  owned_.erase(id);
}

std::optional<std::string> replicated_ledger::choose_buddy(const owned_entry& entry) const {
  std::optional<std::string> best;
  std::pair<bool, uint64_t> best_rank;
  for (const auto& [name, known] : members_.members()) {
    if (known.leaving || entry.no_buddies.contains(name))
      continue;
    const std::pair rank(!known.suspected, rendezvous_score(entry.record.id, name));
    if (!best || rank > best_rank)
      best = name, best_rank = rank;
  }
  return best;
}

void replicated_ledger::look_for_buddy(owned_entry& entry, cluster_effects& out) {
  if (entry.buddy || !resumable(entry))
    return;
  const auto now = clock_.now();
  if (const auto name = choose_buddy(entry)) {
    entry.buddy.emplace(entry_sender::terms{
        .purpose = transfer_purpose::copy, .target = *name, .epoch = {entry.record.epoch.owner, 0}});
    entry.buddy_since = now;
    entry.buddy->pump(entry.record, now, out);
  }
}

/// It does not answer, has no room, or goes away: another one, at the next tick if there is none now.
void replicated_ledger::give_buddy_up(owned_entry& entry, cluster_effects& out) {
  entry.buddy.reset();
  look_for_buddy(entry, out);
  if (!entry.buddy && entry.buddy_before) // it wants to go, and nobody follows it
    drops_.add(*std::exchange(entry.buddy_before, std::nullopt),
               {transfer_purpose::copy, entry.record.id, entry.record.epoch}, clock_.now(), out);
}

void replicated_ledger::on_copy_ack(owned_entry& entry, const entry_ack& ack, cluster_effects& out) {
  if (!entry.buddy || !entry.buddy->acknowledged(ack))
    return;
  if (ack.answer == transfer_answer::fenced)
    return on_fence(entry, ack.newest, out);
  if (ack.answer == transfer_answer::refused) {
    entry.no_buddies.insert(entry.buddy->target());
    return give_buddy_up(entry, out);
  }
  if (!entry.buddy->held())
    return;
  if (entry.buddy_before)
    drops_.add(*std::exchange(entry.buddy_before, std::nullopt),
               {transfer_purpose::copy, entry.record.id, entry.record.epoch}, clock_.now(), out);
  if (entry.move_to_confirm)
    confirm_move(entry, out);
  if (!entry.accepted())
    accept(entry, out);
}

/// May forget the entry.
void replicated_ledger::tend_unaccepted(owned_entry& entry, cluster_effects& out) {
  const auto now = clock_.now();
  const auto id = entry.record.id;
  if (entry.buddy && now >= entry.buddy_since + limits_.buddy_wait) {
    entry.no_buddies.insert(entry.buddy->target());
    give_buddy_up(entry, out);
  }
  if (leaving())
    return reject(id, {request_error::not_ready, "this node is going away: ask another", "", 1}, out);
  if (now >= entry.submitted + limits_.accept_max || now >= entry.record.deadline)
    return reject(id, {request_error::not_ready, "no other node could take a copy in time: retry", "", 1},
                  out);
  if (entry.buddy)
    return;
  if (members_.members().empty())
    return accept(entry, out);
  const bool all_refused = !choose_buddy(entry);
  if (all_refused)
    return reject(id,
                  {request_error::too_many_requests,
                   "no other node has room for a copy of the request: retry later", "", 1},
                  out);
  look_for_buddy(entry, out);
}

void replicated_ledger::acknowledge(const acknowledge_events& ack, cluster_effects& out) {
  act(ledger_.acknowledge(ack), out);
}

void replicated_ledger::detach(const std::string& response_id, cluster_effects& out) {
  act(ledger_.detach(response_id), out);
}

void replicated_ledger::lose_subscriber(subscriber_key subscriber, cluster_effects& out) {
  act(ledger_.lose_subscriber(subscriber), out);
}

void replicated_ledger::take(const std::string& from, const entry_ack& ack, cluster_effects& out) {
  auto* entry = find(ack.id);
  if (!entry)
    return;
  if (ack.purpose == transfer_purpose::copy && entry->buddy && entry->buddy->target() == from)
    return on_copy_ack(*entry, ack, out);
  if (ack.purpose == transfer_purpose::attempt && entry->attempt.node == from)
    return on_attempt_ack(*entry, ack, out);
  if (ack.purpose != transfer_purpose::move || !entry->move || entry->move->target() != from ||
      !entry->move->acknowledged(ack))
    return;
  if (ack.answer == transfer_answer::held)
    finish_move(ack.id, out);
  else if (ack.answer == transfer_answer::refused)
    abandon_move(*entry, false, out);
  else if (ack.answer == transfer_answer::fenced)
    on_fence(*entry, ack.newest, out);
}

void replicated_ledger::tick(cluster_effects& out) {
  const auto now = clock_.now();
  act(ledger_.check_deadlines(), out);
  std::vector<std::string> ids;
  for (const auto& [id, entry] : owned_)
    ids.push_back(id);
  for (const auto& id : ids) {
    auto& entry = owned_.at(id);
    if (!entry.accepted()) {
      tend_unaccepted(entry, out);
      if (auto* left = find(id); left && left->buddy)
        left->buddy->pump(left->record, now, out);
      continue;
    }
    if (!ledger_.holds(id) || entry.unwanted) { // read, or past its resume window
      ledger_effects effects;
      ledger_.release(id, effects);
      forget(id, out);
      continue;
    }
    if (!entry.buddy) {
      entry.no_buddies.clear();
      look_for_buddy(entry, out);
    }
    if (entry.buddy)
      entry.buddy->pump(entry.record, now, out);
    if (entry.move)
      entry.move->pump(entry.record, now, out);
    tend_attempt(entry, out);
  }
  announce_again(out);
  lookups_.tick(peers(), someone_missing(), now, out);
  drops_.tick(now, out);
  hand_on(out);
}

} // namespace troupe
