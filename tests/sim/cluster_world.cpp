#include "tests/sim/cluster_world.hpp"

#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe::sim {

namespace {

constexpr int64_t tick_us = 100'000;
constexpr int64_t end_us = 240'000'000; // nothing planned takes so long

} // namespace

cluster_world::cluster_world(cluster_plan plan, uint64_t seed) : plan_(std::move(plan)), time_(seed) {
  for (const auto& name : plan_.names) {
    hosts_.emplace_back();
    hosts_.back().name = name;
    hosts_.back().incarnation = 1000;
  }
  const auto process_of = [this](const std::string& name) -> uint64_t {
    const auto& life = hosts_[index_of(name)].life;
    return life ? life->number : 0;
  };
  network_ = std::make_unique<sim_network>(
      time_, plan_.network,
      sim_network::listener{
          .state =
              [this](const std::string& name) {
                const auto& life = hosts_[index_of(name)].life;
                return !life ? host_state::dead : life->stopped ? host_state::stopped : host_state::alive;
              },
          .process = process_of,
          .up =
              [this](const std::string& name, uint64_t number, link_id link, const std::string& dialed) {
                post(index_of(name), number, [=, this, index = index_of(name)](process& life) {
                  step(index, life, life.node->link_up(link, dialed));
                });
              },
          .down =
              [this](const std::string& name, uint64_t number, link_id link) {
                post(index_of(name), number, [=, this, index = index_of(name)](process& life) {
                  step(index, life, life.node->link_down(link));
                });
              },
          .failed =
              [this](const std::string& name, uint64_t number, const std::string& address, bool refused) {
                post(index_of(name), number, [=, this, index = index_of(name)](process& life) {
                  step(index, life, life.node->dial_failed(address, refused));
                });
              },
          .message =
              [this](const std::string& name, uint64_t number, link_id link, wire_message message) {
                post(index_of(name), number,
                     [this, link, index = index_of(name), said = std::move(message)](process& life) {
                       step(index, life, life.node->received(link, said));
                     });
              },
      });
  const auto& options = plan_.options;
  for (const auto& [name, bound] : std::vector<std::pair<std::string, size_t>>{
           {"copies", options.copies.copies_max},
           {"moves", options.copies.moves_max},
           {"owned", 2 * options.replication.ledger.entries_max + options.copies.copies_max},
           {"lookups", options.replication.lookup.lookups_max},
           {"attempts", options.host.attempts_max},
           {"links", options.membership.links_max},
           {"drops", 4096}})
    note(log_kind::cap, "", name, static_cast<int64_t>(bound));
  for (size_t i = 0; i < hosts_.size(); ++i)
    time_.after(time_.between(0, 300'000), [this, i] { start(i); });
  for (size_t i = 0; i < plan_.requests.size(); ++i)
    add_client(plan_.requests[i], i);
  time_.after(1'500'000, [this] { next_fault(); });
}

size_t cluster_world::index_of(const std::string& name) const {
  return static_cast<size_t>(std::ranges::find(plan_.names, name) - plan_.names.begin());
}

void cluster_world::note(log_kind kind, const std::string& who, const std::string& id, int64_t number,
                         int64_t part, int64_t count, const std::string& text) {
  log_.push_back({time_.now_us(), kind, who, id, number, part, count, text});
}

void cluster_world::start(size_t index) {
  auto& at = hosts_[index];
  if (at.life)
    return;
  // Now and then the clock from which incarnations are made went back.
  at.incarnation += time_.chance(0.05) ? -1 : 1;
  auto options = plan_.options;
  options.membership.self.name = options.membership.self.address = at.name;
  options.membership.self.life = {at.incarnation, 0};
  options.membership.self.numeric_class = plan_.classes[index];
  options.membership.peers =
      plan_.seed_only ? std::vector{plan_.names.front(), plan_.names.back()} : plan_.names;
  auto& life = at.life.emplace();
  life.number = next_process_++;
  life.engine = std::make_unique<stub_engine>(options.capacity);
  life.node = std::make_unique<cluster_node>(std::move(options), stub_decoder(), time_.clock());
  note(log_kind::born, at.name, "", static_cast<int64_t>(at.incarnation));
  tick(index, life.number);
}

void cluster_world::kill(size_t index) {
  auto& at = hosts_[index];
  note(log_kind::dead, at.name, "", static_cast<int64_t>(at.incarnation));
  at.life.reset();
  network_->lose(at.name);
  lose_sessions(index);
}

/// Happens to that life of a node, later if it stands still, never if it is over.
void cluster_world::post(size_t index, uint64_t number, std::function<void(process&)> happen) {
  auto& life = hosts_[index].life;
  if (!life || life->number != number)
    return;
  if (life->stopped)
    life->held.push_back([this, index, number, happen = std::move(happen)] { post(index, number, happen); });
  else
    happen(*life);
}

void cluster_world::tick(size_t index, uint64_t number) {
  time_.after(tick_us, [this, index, number] { tick(index, number); });
  auto& life = hosts_[index].life;
  if (!life || life->number != number || life->stopped)
    return;
  step(index, *life, life->node->tick());
}

void cluster_world::step(size_t index, process& life, cluster_effects effects) {
  const auto& name = hosts_[index].name;
  look_at(index, life, effects);
  for (const auto& address : effects.dials)
    network_->dial(name, address);
  for (auto& [link, message] : effects.messages)
    network_->send(name, link, std::move(message));
  for (auto link : effects.closes)
    network_->close(name, link);
  for (const auto& probe : effects.probes) {
    life.probes.push_back(probe);
    time_.after(time_.between(100, 2000), [this, index, number = life.number] {
      post(index, number, [this, index](process& there) {
        while (!there.stalled && !there.probes.empty()) {
          const auto first = there.probes.front();
          there.probes.pop_front();
          step(index, there, there.node->progressed(first));
        }
      });
    });
  }
  tell_clients(effects);
  act_engine(index, life, effects);
  if (effects.left) // it has nothing left: its process ends
    time_.after(1000, [this, index, number = life.number] {
      if (hosts_[index].life && hosts_[index].life->number == number)
        kill(index);
    });
}

void cluster_world::act_engine(size_t index, process& life, const cluster_effects& effects) {
  for (auto run : effects.stops)
    life.engine->stop(run);
  for (const auto& start : effects.starts) {
    const auto poison = poison_.find(start.id);
    life.engine->start(start, poison == poison_.end() ? -1 : poison->second);
    life.runs[start.run] = start.id;
    note(log_kind::begin, hosts_[index].name, start.id, static_cast<int64_t>(start.run));
  }
  run_engine(index, life);
}

void cluster_world::run_engine(size_t index, process& life) {
  if (life.stepping || life.engine_down || life.engine->idle())
    return;
  life.stepping = true;
  time_.after(plan_.step_us * life.slowness, [this, index, number = life.number, engine = life.engine_life] {
    post(index, number, [this, index, engine](process& there) {
      if (there.engine_life != engine)
        return;
      there.stepping = false;
      if (there.stalled)
        return run_engine(index, there); // the step goes on
      engine_step(index, there);
    });
  });
}

void cluster_world::engine_step(size_t index, process& life) {
  const auto& name = hosts_[index].name;
  const auto done = life.engine->step();
  if (done.poisoned) {
    const bool whole = std::ranges::any_of(
        done.in_step, [&](run_id run) { return process_poison_.contains(life.runs[run]); });
    trouble("poison");
    if (whole && safe_without(index)) {
      for (auto run : done.in_step)
        note(log_kind::fault, name, life.runs[run], static_cast<int64_t>(run));
      kill(index);
      time_.after(time_.between(50'000, 2'000'000), [this, index] { start(index); });
      return;
    }
    return kill_engine(index, life, done.in_step);
  }
  for (const auto& [run, token] : done.tokens) {
    note(log_kind::work, name, life.runs[run], static_cast<int64_t>(run), 0, token.position);
    time_.after(time_.between(100, 1500),
                [this, index, number = life.number, engine = life.engine_life, result = token, from = run] {
                  post(index, number, [=, this](process& there) {
                    if (there.engine_life != engine)
                      return;
                    note(log_kind::result, hosts_[index].name, there.runs[from], static_cast<int64_t>(from));
                    step(index, there, there.node->computed(from, {result}));
                  });
                });
  }
  run_engine(index, life);
}

void cluster_world::kill_engine(size_t index, process& life, const std::set<run_id>& in_step) {
  for (auto run : in_step)
    note(log_kind::fault, hosts_[index].name, life.runs[run], static_cast<int64_t>(run));
  life.engine->die();
  ++life.engine_life;
  life.engine_down = true;
  life.stepping = false;
  time_.after(time_.between(50'000, 300'000), [this, index, number = life.number] {
    post(index, number, [this, index](process& there) {
      there.engine_down = false;
      run_engine(index, there);
    });
  });
  step(index, life, life.node->engine_died(in_step));
}

/// Writes down what a log of a real node would have, and what only a simulation sees.
void cluster_world::look_at(size_t index, process& life, const cluster_effects& effects) {
  const auto& name = hosts_[index].name;
  for (const auto& event : effects.members) {
    const auto incarnation = static_cast<int64_t>(event.card.life.incarnation);
    const auto epoch = static_cast<int64_t>(event.card.life.epoch);
    const bool self = event.card.name == name;
    if (!self && (event.change == member_change::up || event.change == member_change::renewed))
      note(log_kind::up, name, event.card.name, incarnation, epoch);
    if (event.change == member_change::down || event.change == member_change::left)
      note(log_kind::down, name, event.card.name, incarnation, epoch, 0,
           event.change == member_change::left ? "left" : fmt::format("{}", static_cast<int>(event.reason)));
  }
  const auto& owned = life.node->ledger().owned();
  std::erase_if(life.terms, [&](const auto& each) { return !owned.contains(each.first); });
  for (const auto& [id, entry] : owned) {
    if (!entry.accepted())
      continue;
    auto& term = life.terms[id];
    if (term != entry.record.epoch.owner.term)
      note(log_kind::own, name, id, term = entry.record.epoch.owner.term);
    auto& tokens = life.tokens[id];
    const auto& taken = entry.attempt.taken;
    if (entry.record.emitted.size() > tokens && taken.number > 0)
      note(log_kind::take, name, id, taken.owner.term, taken.number, static_cast<int64_t>(tokens),
           taken.owner.node);
    tokens = entry.record.emitted.size();
  }
  for (const auto& [queue, size] : std::initializer_list<std::pair<const char*, size_t>>{
           {"copies", life.node->copies().copies()},
           {"moves", life.node->copies().moves()},
           {"owned", owned.size()},
           {"lookups", life.node->ledger().lookups_waiting()},
           {"attempts", life.node->host().size()},
           {"links", life.node->members().links()},
           {"drops", life.node->ledger().drops_waiting()}})
    if (const auto now = static_cast<int64_t>(size); now > life.sizes[queue])
      note(log_kind::size, name, queue, life.sizes[queue] = now);
}

bool cluster_world::quiet() const {
  return faults_over_ && std::ranges::all_of(clients_, [](const auto& each) { return each.done(); });
}

void cluster_world::run() {
  while (!quiet() && time_.now_us() < end_us && time_.step()) {
  }
  // What is left over is given time to settle: returns, drops, resume windows.
  const auto settled = time_.now_us() + 8'000'000;
  while (time_.now_us() < settled && time_.step()) {
  }
  for (const auto& at : hosts_) {
    if (!at.life)
      continue;
    std::vector<std::string> view{at.name};
    for (const auto& [name, known] : at.life->node->members().members())
      view.push_back(name);
    std::ranges::sort(view);
    note(log_kind::view, at.name, "", 0, 0, 0, fmt::format("{}", fmt::join(view, " ")));
    for (const auto& [id, entry] : at.life->node->ledger().owned())
      note(log_kind::rest, at.name, id, entry.record.epoch.owner.term, entry.attempt.epoch.number,
           static_cast<int64_t>(entry.record.emitted.size()),
           fmt::format("ended {} attempt on '{}' wanted {} sender held {} attempts here {}", entry.ended,
                       entry.attempt.node, entry.attempt.wanted,
                       entry.attempt.sender && entry.attempt.sender->held(), at.life->node->host().size()));
  }
  note(log_kind::end, "");
}

} // namespace troupe::sim
