#include "supervision/cluster/replicated_ledger.hpp"
#include "supervision/resume_check.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr size_t readers_ahead_max = 16; // of one response

} // namespace

void replicated_ledger::announce_one(const owned_entry& entry, cluster_effects& out) {
  for (const auto& [name, known] : members_.members())
    out.sends.push_back({name, announce{{announced(entry)}}});
}

announced_entry replicated_ledger::announced(const owned_entry& entry) {
  return {entry.record.id, entry.record.epoch.owner, ledger_.reader_of(entry.record.id).has_value()};
}

void replicated_ledger::announce_all(const std::string& to, cluster_effects& out) {
  announce_to(to, 1, out);
}

/// An announcement may be lost with its connection, and two owners would never meet: so it is repeated. Of
/// two owners the greater was not the first.
void replicated_ledger::announce_again(cluster_effects& out) {
  const auto now = clock_.now();
  if (now < announced_ + limits_.announce_every)
    return;
  announced_ = now;
  for (const auto& [name, known] : members_.members())
    announce_to(name, 2, out);
}

void replicated_ledger::announce_to(const std::string& peer, uint32_t least_term, cluster_effects& out) {
  announce told;
  const auto flush = [&] {
    if (!told.entries.empty())
      out.sends.push_back({peer, std::exchange(told, {})});
  };
  for (const auto& [id, entry] : owned_) {
    if (entry.accepted() && entry.record.epoch.owner.term >= least_term)
      told.entries.push_back(announced(entry));
    if (told.entries.size() == wire_announced_max)
      flush();
  }
  flush();
}

void replicated_ledger::take(const std::string& from, const announce& told, cluster_effects& out) {
  for (size_t i = 0; i < told.entries.size() && i < wire_announced_max; ++i)
    meet_owner(from, told.entries[i], out);
}

/// Another node owns it too: they were parted, or a confirmation is on its way. Exactly one of them stays.
void replicated_ledger::meet_owner(const std::string& from, const announced_entry& other,
                                   cluster_effects& out) {
  copies_.outdated(other.id, other.owner);
  auto* entry = find(other.id);
  if (!entry || !entry->accepted() || entry->record.epoch.owner == other.owner)
    return;
  // It is the one to which the entry moves, and its confirmation was lost or is to come. If this node stays
  // its buddy, that is as good; if not, the new home may not have another buddy yet.
  if (entry->move && entry->move->epoch().owner == other.owner) {
    if (!entry->move->leaving())
      finish_move(other.id, out);
    return;
  }
  const auto own = announced(*entry);
  if (own.owner < other.owner && (!own.attached || other.attached))
    return yield(other.id, other.owner, out);
  if (own.owner < other.owner) {
    // Its reader is here and has lost nothing: the other, whom nobody reads, yields.
    entry->move.reset();
    copies_.unreserve(other.id);
    return raise_term(*entry, other.owner.term + 1, out);
  }
  out.sends.push_back({from, announce{{own}}});
}

/// Somebody knows a newer owner: that one is asked who of us two stays.
void replicated_ledger::on_fence(owned_entry& entry, const ownership& newest, cluster_effects& out) {
  if (newest < entry.record.epoch.owner || !entry.accepted())
    return;
  const auto now = clock_.now();
  if (!entry.fenced_since)
    entry.fenced_since = now;
  if (now < *entry.fenced_since + limits_.owner_wait) {
    out.sends.push_back({newest.node, announce{{announced(entry)}}});
    return;
  }
  entry.fenced_since.reset(); // it does not own it any more
  raise_term(entry, newest.term + 1, out);
}

/// The entry lives here from now on. Its attempt is wanted, unless it has ended.
owned_entry& replicated_ledger::adopt(entry_record record, cluster_effects& out) {
  const auto id = record.id;
  copies_.outdated(id, record.epoch.owner);
  auto request = record.request;
  const auto left = std::chrono::duration_cast<milliseconds>(record.deadline - clock_.now());
  request.timeout_ms = std::max<int64_t>(0, left.count());
  ledger_effects effects;
  const bool adopted = ledger_.adopt(std::move(request), record.acceptance, record.emitted, effects);
  TROUPE_CHECK(adopted, "an entry that is taken in must not be here");
  auto& entry = owned_[id];
  entry.sequence = ledger_.sequence_of(id);
  if (entry.sequence == 0)
    entry.sequence = ~sequence_id{0}; // nobody can come back for it: forgotten at the next tick
  by_sequence_[entry.sequence] = id;
  entry.record = std::move(record);
  entry.record.notes.committed = true;
  entry.record.notes.runs_on.clear();
  note_change(entry);
  entry.ended = std::ranges::none_of(effects.dispatches, [](const auto&) { return true; });
  act(std::move(effects), out);
  auto& notes = entry.record.notes;
  entry.cancelled = notes.failure && notes.failure->code == request_error::cancelled; // where it was before
  if (notes.failure)
    fail(entry, notes.failure->code, notes.failure->message, out);
  else if (notes.fatal_steps >= limits_.fatal_steps_max)
    fail(entry, request_error::engine_failed, "its engines died while they computed this request", out);
  return entry;
}

/// Its home died; this node is the buddy.
void replicated_ledger::take_over(entry_record record, bool fatal, cluster_effects& out) {
  if (owned_.contains(record.id))
    return; // it came here otherwise
  // Where it ran last may not have reached this node: in doubt it was there.
  if (const auto& notes = record.notes;
      fatal && !notes.failure && (notes.runs_on == record.epoch.owner.node || notes.runs_on.empty()))
    ++record.notes.fatal_steps;
  record.epoch.owner = {record.epoch.owner.term + 1, members_.self().name};
  const auto id = record.id;
  auto& entry = adopt(std::move(record), out);
  look_for_buddy(entry, out);
  announce_one(entry, out);
  for (auto& reader : lookups_.found(id))
    try_attach(entry, std::move(reader), out);
}

bool replicated_ledger::owns_already(const std::string& from, const entry_head& head, cluster_effects& out) {
  auto* entry = find(head.id);
  if (!entry)
    return false;
  const auto& own = entry->record.epoch.owner;
  if (own < head.epoch.owner) {
    if (head.purpose == transfer_purpose::move)
      return false; // it comes here: see take_arrived()
    on_fence(*entry, head.epoch.owner, out);
    return !entry->accepted() ? false : true; // once one of us has yielded, the copy is sent again
  }
  entry_ack ack{.purpose = head.purpose,
                .id = head.id,
                .epoch = head.epoch,
                .answer = transfer_answer::fenced,
                .newest = own};
  if (head.purpose == transfer_purpose::move && head.epoch.owner == entry->moved_as.owner) {
    if (entry->move_to_confirm)
      return true;
    ack.answer = transfer_answer::held; // the confirmation was lost
  }
  out.sends.push_back({from, ack});
  return true;
}

void replicated_ledger::take_arrived(cluster_effects& out) {
  for (auto& [record, from, is_leaving] : copies_.arrived()) {
    const auto id = record.id;
    std::optional<ledger::reader_place> reader;
    std::vector<waiting_reader> ahead;
    if (auto* before = find(id); before && record.epoch.owner <= before->record.epoch.owner)
      continue;
    if (auto* before = find(id)) { // an older entry of ours, from before a partition
      reader = ledger_.reader_of(id);
      ahead = std::exchange(before->readers_ahead, {});
      ledger_effects effects;
      ledger_.release(id, effects);
      act(std::move(effects), out);
      forget(id, out);
    }
    const attach_reader back{id, record.request.resume.owner, record.request.resume.stream_token,
                             reader ? reader->starting_after : -1};
    auto& entry = adopt(std::move(record), out);
    entry.moved_as = entry.record.epoch;
    entry.move_to_confirm = from;
    if (!is_leaving && members_.members().contains(from)) {
      entry.buddy.emplace(entry_sender::terms{
          .purpose = transfer_purpose::copy, .target = from, .epoch = {entry.record.epoch.owner, 0}});
      entry.buddy_since = clock_.now();
      entry.buddy->assume_held(entry.record); // it keeps its own once it hears that we have it
      confirm_move(entry, out);
    } else {
      look_for_buddy(entry, out);
      if (!entry.buddy)
        confirm_move(entry, out);
    }
    announce_one(entry, out);
    if (reader)
      try_attach(entry, {back, reader->subscriber, 0}, out);
    for (auto& each : ahead)
      try_attach(entry, std::move(each), out);
    for (auto& each : lookups_.found(id))
      try_attach(entry, std::move(each), out);
  }
}

void replicated_ledger::confirm_move(owned_entry& entry, cluster_effects& out) {
  out.sends.push_back(
      {*std::exchange(entry.move_to_confirm, std::nullopt), entry_ack{.purpose = transfer_purpose::move,
                                                                      .id = entry.record.id,
                                                                      .epoch = entry.moved_as,
                                                                      .answer = transfer_answer::held,
                                                                      .newest = {}}});
}

/// Whoever reads it here loses it: the new home serves them.
void replicated_ledger::start_move(owned_entry& entry, const std::string& target, cluster_effects& out) {
  const auto id = entry.record.id;
  if (const auto reader = ledger_.reader_of(id)) {
    out.lost_readers.push_back({reader->subscriber, id});
    act(ledger_.detach(id), out);
  }
  const auto term = entry.record.epoch.owner.term + 1;
  entry.move.emplace(entry_sender::terms{.purpose = transfer_purpose::move,
                                         .target = target,
                                         .epoch = {{term, target}, 0},
                                         .leaving = leaving() || !copies_.reserve(entry.record)});
  entry.move->pump(entry.record, clock_.now(), out);
}

/// The new home has it, and so has a buddy: this node, unless it is leaving or full.
void replicated_ledger::finish_move(const std::string& id, cluster_effects& out) {
  auto& entry = owned_.at(id);
  const auto target = entry.move->target();
  const bool stays_buddy = !entry.move->leaving();
  auto record = entry.record;
  record.epoch = entry.move->epoch();
  if (entry.buddy && entry.buddy->target() == target)
    entry.buddy.reset(); // its copy became its entry
  stop_attempt(entry, out);
  ledger_effects effects;
  ledger_.release(id, effects);
  act(std::move(effects), out);
  forget(id, out);
  if (stays_buddy)
    copies_.keep(std::move(record));
}

/// The new home has no room, or is gone: then it may have begun to act as the owner, and this one goes above.
void replicated_ledger::abandon_move(owned_entry& entry, bool gone, cluster_effects& out) {
  const auto target = entry.move->target();
  const auto epoch = entry.move->epoch();
  entry.move.reset();
  copies_.unreserve(entry.record.id);
  drops_.add(target, {transfer_purpose::move, entry.record.id, epoch}, clock_.now(), out);
  if (gone)
    raise_term(entry, epoch.owner.term + 1, out);
}

/// Under a new term the buddy gets a new copy.
void replicated_ledger::raise_term(owned_entry& entry, uint32_t term, cluster_effects& out) {
  entry.record.epoch.owner = {term, members_.self().name};
  entry.fenced_since.reset();
  entry.buddy.reset();
  look_for_buddy(entry, out);
  announce_one(entry, out);
}

/// The other owner stays. Whoever reads here finds the rest there.
void replicated_ledger::yield(const std::string& id, const ownership& newer, cluster_effects& out) {
  auto& entry = owned_.at(id);
  const auto now = clock_.now();
  if (entry.cancelled) { // it may not have heard of that
    const auto& terms = entry.record.request.resume;
    lookups_.add({{id, terms.owner, terms.stream_token, -1}, 0, 0}, true, peers(), now, out);
  }
  if (const auto reader = ledger_.reader_of(id))
    out.lost_readers.push_back({reader->subscriber, id});
  copies_.outdated(id, newer);
  ledger_effects effects;
  ledger_.release(id, effects);
  act(std::move(effects), out);
  if (entry.buddy && entry.buddy->target() == newer.node)
    entry.buddy.reset();
  for (auto& each : std::exchange(entry.readers_ahead, {}))
    if (!lookups_.add(each, false, peers(), now, out))
      out.lost_readers.push_back({each.subscriber, id});
  forget(id, out);
}

void replicated_ledger::try_attach(owned_entry& entry, waiting_reader reader, cluster_effects& out) {
  ledger_effects effects;
  auto outcome = ledger_.attach(reader.reader, reader.subscriber, effects);
  const auto* refused = std::get_if<rejection>(&outcome);
  // It may have read more on the node that died than had reached this one: the same comes again.
  if (refused && refused->code == request_error::invalid_value && !entry.ended &&
      entry.readers_ahead.size() < readers_ahead_max)
    return entry.readers_ahead.push_back(std::move(reader));
  // It ended with an error behind what the reader has, where that had another event: the error is all there
  // is to tell.
  const auto* accepted = std::get_if<accepted_response>(&outcome);
  if (const auto& failure = entry.record.notes.failure;
      failure &&
      ((refused && refused->code == request_error::invalid_value) || (accepted && accepted->read_already)))
    outcome = rejection{failure->code, failure->message, "", 0};
  if (reader.ticket != 0)
    out.answers.push_back({reader.ticket, std::move(outcome)});
  else if (std::holds_alternative<rejection>(outcome))
    out.lost_readers.push_back({reader.subscriber, reader.reader.response_id});
  act(std::move(effects), out);
}

void replicated_ledger::serve_waiting(const std::string& id, cluster_effects& out) {
  auto* entry = find(id);
  if (!entry || entry->readers_ahead.empty())
    return;
  for (auto& each : std::exchange(entry->readers_ahead, {}))
    try_attach(*entry, std::move(each), out);
}

void replicated_ledger::attach(const attach_reader& reader, subscriber_key subscriber, ticket_id ticket,
                               cluster_effects& out) {
  const auto& id = reader.response_id;
  if (const auto* copy = copies_.waiting(id); copy && !find(id) && may_attach(copy->request.resume, reader))
    take_over(copies_.wake(id), false, out);
  if (auto* entry = find(id); entry && entry->accepted() && !entry->move)
    return try_attach(*entry, {reader, subscriber, ticket}, out);
  if (!lookups_.add({reader, subscriber, ticket}, false, peers(), clock_.now(), out))
    out.answers.push_back(
        {ticket, rejection{request_error::too_many_requests, "too many readers look for responses", "", 1}});
}

void replicated_ledger::cancel(const attach_reader& who, cluster_effects& out) {
  auto* entry = find(who.response_id);
  if (!entry)
    lookups_.add({who, 0, 0}, true, peers(), clock_.now(), out);
  else if (may_attach(entry->record.request.resume, who))
    cancel_here(who.response_id, out);
}

void replicated_ledger::cancel(const cancel_response& here, cluster_effects& out) {
  if (owned_.contains(here.response_id))
    cancel_here(here.response_id, out);
}

void replicated_ledger::cancel_here(const std::string& id, cluster_effects& out) {
  owned_.at(id).cancelled = !owned_.at(id).ended;
  act(ledger_.cancel(id), out);
}

void replicated_ledger::take(const std::string& from, const locate& asked, cluster_effects& out) {
  located answer{asked.lookup, asked.id, located_state::unknown};
  const attach_reader who{asked.id, asked.owner, asked.stream_token, -1};
  if (const auto* copy = copies_.waiting(asked.id); copy && may_attach(copy->request.resume, who))
    take_over(copies_.wake(asked.id), false, out);
  auto* entry = find(asked.id);
  if (entry && entry->accepted() && may_attach(entry->record.request.resume, who)) {
    answer.state = located_state::owner;
    if (asked.cancel) {
      answer.state = located_state::cancelled;
      cancel_here(asked.id, out);
    } else if (!entry->move) {
      start_move(*entry, from, out);
    }
  } else if (const auto* copy = copies_.find(asked.id); copy && may_attach(copy->request.resume, who)) {
    answer.state = located_state::copy;
  }
  out.sends.push_back({from, answer});
}

} // namespace troupe
