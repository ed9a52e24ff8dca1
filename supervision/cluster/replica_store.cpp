#include "supervision/cluster/replica_store.hpp"

#include "base/check.hpp"

namespace troupe {

const entry_record* replica_store::find(const std::string& id) const {
  const auto found = copies_.find(id);
  return found == copies_.end() ? nullptr : &found->second.assembly.record();
}

bool replica_store::complete(const std::string& id) const {
  const auto found = copies_.find(id);
  return found != copies_.end() && found->second.assembly.complete();
}

replica_store::copy* replica_store::find(const std::string& id, transfer_purpose purpose,
                                         const attempt_epoch& epoch) {
  auto& map = map_of(purpose);
  const auto found = map.find(id);
  if (found == map.end() || found->second.orphan || found->second.assembly.record().epoch != epoch)
    return nullptr;
  return &found->second;
}

replica_store::copy_map::iterator replica_store::forget(copy_map& map, copy_map::iterator at) {
  bytes_ -= at->second.counted;
  return map.erase(at);
}

void replica_store::answer(const copy& about, transfer_purpose purpose, cluster_effects& out) {
  auto ack = about.assembly.ack(purpose);
  if (purpose == transfer_purpose::move)
    ack.answer = transfer_answer::partial; // held means that this node owns it: not for the store to say
  out.sends.push_back({about.from, ack});
}

void replica_store::take(const std::string& from, const entry_head& head, steady_time now,
                         cluster_effects& out) {
  const auto refuse = [&](transfer_answer why, const ownership& newest) {
    out.sends.push_back(
        {from,
         entry_ack{
             .purpose = head.purpose, .id = head.id, .epoch = head.epoch, .answer = why, .newest = newest}});
  };
  auto& map = map_of(head.purpose);
  if (const auto* copied = find(head.id); copied && head.epoch.owner < copied->epoch.owner)
    return refuse(transfer_answer::fenced, copied->epoch.owner);
  if (const auto found = map.find(head.id); found != map.end()) {
    auto& known = found->second;
    const auto& newest = known.assembly.record().epoch.owner;
    if (head.epoch.owner < newest)
      return refuse(transfer_answer::fenced, newest);
    if (head.epoch.owner == newest) {
      known.orphan = false; // its owner is there after all
      known.from = from;
      known.assembly.promise(head);
      return answer(known, head.purpose, out);
    }
    forget(map, found);
  }
  const auto bytes = promised_bytes(head);
  if (!room(head.purpose, bytes))
    return refuse(transfer_answer::refused, {});
  bytes_ += bytes;
  auto& fresh = map.emplace(head.id, copy{.assembly = entry_assembly(head, now),
                                          .from = from,
                                          .leaving = head.leaving,
                                          .counted = bytes})
                    .first->second;
  answer(fresh, head.purpose, out);
}

bool replica_store::room(transfer_purpose purpose, int64_t bytes) const {
  const bool countable = purpose == transfer_purpose::move
                             ? moves_.size() < limits_.moves_max
                             : copies_.size() + reserved_.size() < limits_.copies_max;
  return countable && bytes_ + bytes <= limits_.bytes_max;
}

void replica_store::take(const entry_prompt& part, cluster_effects& out) {
  if (auto* known = find(part.id, part.purpose, part.epoch)) {
    known->assembly.take(part);
    answer(*known, part.purpose, out);
  }
}

void replica_store::take(const entry_tokens& part, cluster_effects& out) {
  if (auto* known = find(part.id, part.purpose, part.epoch)) {
    known->assembly.take(part);
    answer(*known, part.purpose, out);
  }
}

void replica_store::take(const std::string& from, const entry_drop& drop, cluster_effects& out) {
  auto& map = map_of(drop.purpose);
  const auto found = map.find(drop.id);
  if (found != map.end() && found->second.assembly.record().epoch.owner <= drop.epoch.owner)
    forget(map, found);
  out.sends.push_back({from, entry_drop_ack{drop.purpose, drop.id, drop.epoch}});
}

std::vector<arrival> replica_store::arrived() {
  std::vector<arrival> out;
  for (auto at = moves_.begin(); at != moves_.end();) {
    auto& each = at->second;
    if (!each.assembly.complete()) {
      ++at;
      continue;
    }
    out.push_back({each.assembly.release(), each.from, each.leaving});
    at = forget(moves_, at);
  }
  return out;
}

std::vector<entry_record> replica_store::orphaned(const std::string& owner) {
  std::vector<entry_record> out;
  // What was moved here in part its owner has not let go of: the buddy has it.
  for (auto at = moves_.begin(); at != moves_.end();)
    at = at->second.from == owner ? forget(moves_, at) : std::next(at);
  for (auto at = copies_.begin(); at != copies_.end();) {
    auto& each = at->second;
    if (each.orphan || each.from != owner) {
      ++at;
    } else if (!each.assembly.complete()) {
      at = forget(copies_, at); // nobody was told that it is here
    } else if (each.assembly.record().notes.committed) {
      out.push_back(each.assembly.release());
      at = forget(copies_, at);
    } else {
      each.orphan = true;
      ++at;
    }
  }
  return out;
}

const entry_record* replica_store::waiting(const std::string& id) const {
  const auto found = copies_.find(id);
  return found != copies_.end() && found->second.orphan ? &found->second.assembly.record() : nullptr;
}

entry_record replica_store::wake(const std::string& id) {
  const auto found = copies_.find(id);
  TROUPE_CHECK(found != copies_.end() && found->second.orphan, "only a copy without an owner can be woken");
  auto record = found->second.assembly.release();
  forget(copies_, found);
  return record;
}

bool replica_store::reserve(const entry_record& record) {
  return reserved_.contains(record.id) ||
         (room(transfer_purpose::copy, record.bytes()) && reserved_.insert(record.id).second);
}

void replica_store::keep(entry_record record) {
  outdated(record.id, record.epoch.owner);
  unreserve(record.id);
  const auto bytes = record.bytes();
  const auto id = record.id;
  const auto owner = record.epoch.owner.node;
  if (copies_
          .emplace(id, copy{.assembly = entry_assembly(std::move(record)), .from = owner, .counted = bytes})
          .second)
    bytes_ += bytes;
}

void replica_store::outdated(const std::string& id, const ownership& newer) {
  for (auto* map : {&copies_, &moves_}) {
    const auto found = map->find(id);
    if (found != map->end() && found->second.assembly.record().epoch.owner < newer)
      forget(*map, found);
  }
}

void replica_store::tick(steady_time now) {
  for (auto* map : {&copies_, &moves_})
    for (auto at = map->begin(); at != map->end();)
      at = now >= at->second.assembly.record().deadline + limits_.kept_after_deadline ? forget(*map, at)
                                                                                      : std::next(at);
}

} // namespace troupe
