#include "tests/sim/cluster_world.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

constexpr int postponed_max = 60;
constexpr int64_t postpone_us = 250'000;

/// Faults that take a node's state away, or hide it: one at a time.
bool takes_a_node(cluster_fault kind) {
  return kind == cluster_fault::kill || kind == cluster_fault::stop || kind == cluster_fault::part ||
         kind == cluster_fault::part_one_way || kind == cluster_fault::stall || kind == cluster_fault::leave;
}

} // namespace

/// Whether some other living node would run this entry if that one went now.
bool cluster_world::owned_elsewhere(const std::string& id, size_t without) const {
  const auto& name = hosts_[without].name;
  const auto& gone = *hosts_[without].life;
  const auto mine = gone.node->ledger().owned().find(id);
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const auto& life = hosts_[i].life;
    if (i == without || !life || life->stopped || life->stalled || life->node->ledger().leaving())
      continue;
    const auto other = life->node->ledger().owned().find(id);
    if (other != life->node->ledger().owned().end() && other->second.accepted())
      return true;
    const auto* copy = life->node->copies().find(id);
    if (!copy || !life->node->copies().complete(id))
      continue;
    if (life->node->copies().waiting(id))
      return true;
    if (mine != gone.node->ledger().owned().end() && copy->epoch.owner == mine->second.record.epoch.owner &&
        life->node->members().members().contains(name))
      return true;
  }
  return false;
}

/// The promise is for one failure at a time: no accepted answer may hang on that node alone.
bool cluster_world::safe_without(size_t index) const {
  const auto& life = hosts_[index].life;
  if (!life)
    return false;
  return std::ranges::all_of(clients_, [&](const cluster_client& client) {
    if (client.done() || client.plan().request.resume.stream_token.empty())
      return true;
    const auto owned = life->node->ledger().owned().contains(client.id());
    return (!client.accepted() && !owned) || owned_elsewhere(client.id(), index);
  });
}

void cluster_world::part(const planned_fault& fault, bool begins) {
  const auto& victim = hosts_[fault.node].name;
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const auto& other = hosts_[i].name;
    const bool cut = (fault.choice >> (8 + i)) % 4 != 0 || hosts_.size() == 2; // most of the others
    if (i == fault.node || !cut)
      continue;
    const bool out = fault.kind == cluster_fault::part || fault.choice % 2 == 0;
    const bool in = fault.kind == cluster_fault::part || !out;
    if (begins) {
      if (out)
        network_->block(victim, other);
      if (in)
        network_->block(other, victim);
    } else {
      network_->unblock(victim, other);
      network_->unblock(other, victim);
    }
  }
}

/// False: not now.
bool cluster_world::fault_begins(const planned_fault& fault) {
  auto& at = hosts_[fault.node];
  if (!at.life || (takes_a_node(fault.kind) && !safe_without(fault.node)))
    return false;
  const auto number = at.life->number;
  switch (fault.kind) {
  case cluster_fault::kill:
    kill(fault.node);
    break;
  case cluster_fault::stop:
    at.life->stopped = true;
    note(log_kind::stuck, at.name);
    break;
  case cluster_fault::part:
  case cluster_fault::part_one_way:
    part(fault, true);
    break;
  case cluster_fault::break_links:
    network_->break_some(0.5);
    break;
  case cluster_fault::kill_engine: {
    std::set<run_id> in_step;
    for (const auto& [run, id] : at.life->runs)
      if (at.life->engine->runs(run) && time_.chance(0.5))
        in_step.insert(run);
    if (!at.life->engine_down)
      kill_engine(fault.node, *at.life, in_step);
    break;
  }
  case cluster_fault::stall:
    at.life->stalled = true;
    note(log_kind::stuck, at.name);
    break;
  case cluster_fault::slow:
    at.life->slowness = 10;
    break;
  case cluster_fault::leave:
    post(fault.node, number, [this, &fault](process& life) { step(fault.node, life, life.node->leave()); });
    break;
  case cluster_fault::kinds:
    break;
  }
  return true;
}

void cluster_world::fault_ends(const planned_fault& fault) {
  auto& at = hosts_[fault.node];
  if (at.life && (fault.kind == cluster_fault::stop || fault.kind == cluster_fault::stall))
    note(log_kind::goes_on, at.name);
  switch (fault.kind) {
  case cluster_fault::part:
  case cluster_fault::part_one_way:
    part(fault, false);
    break;
  case cluster_fault::stop:
    if (at.life) {
      at.life->stopped = false;
      const auto number = at.life->number;
      for (auto& each : std::exchange(at.life->held, {}))
        each();
      if (at.life && at.life->number == number)
        tick(fault.node, number);
    }
    break;
  case cluster_fault::stall:
    if (at.life)
      at.life->stalled = false;
    if (at.life)
      while (!at.life->probes.empty()) {
        const auto first = at.life->probes.front();
        at.life->probes.pop_front();
        step(fault.node, *at.life, at.life->node->progressed(first));
      }
    break;
  case cluster_fault::slow:
    if (at.life)
      at.life->slowness = 1;
    break;
  default:
    break;
  }
  for (size_t i = 0; i < hosts_.size(); ++i)
    if (!hosts_[i].life && fault.kind != cluster_fault::break_links)
      start(i);
}

void cluster_world::next_fault() {
  if (fault_ == plan_.faults.size()) {
    // Whoever is gone comes back, and a while later all is as before.
    for (size_t i = 0; i < hosts_.size(); ++i)
      start(i);
    time_.after(8'000'000, [this] {
      note(log_kind::calm, "");
      faults_over_ = true;
    });
    return;
  }
  const auto& fault = plan_.faults[fault_];
  time_.after(postponed_ > 0 ? postpone_us : fault.after_us, [this, &fault] {
    if (!fault_begins(fault)) {
      if (++postponed_ > postponed_max) {
        if (hosts_[fault.node].life && plan_.options.copies.copies_max > plan_.requests.size())
          for (const auto& [id, entry] : hosts_[fault.node].life->node->ledger().owned())
            if (!owned_elsewhere(id, fault.node) && !entry.record.request.resume.stream_token.empty())
              note(log_kind::exposed, hosts_[fault.node].name, id, entry.record.epoch.owner.term, 0, 0,
                   entry.buddy ? entry.buddy->target() + (entry.buddy->held() ? " has it" : " has not")
                               : "no buddy");
        postponed_ = 0;
        ++fault_;
      }
      return next_fault();
    }
    postponed_ = 0;
    ++fault_;
    trouble("begin " + std::to_string(static_cast<int>(fault.kind)) + " " + hosts_[fault.node].name);
    for (int64_t at = 1'000'000; at < fault.lasts_us; at += 1'000'000)
      time_.after(at, [this] { trouble("goes on"); });
    time_.after(fault.lasts_us, [this, &fault] {
      trouble("over");
      fault_ends(fault);
      next_fault();
    });
  });
}

} // namespace troupe::sim
