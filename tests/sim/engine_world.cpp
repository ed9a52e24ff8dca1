#include "tests/sim/engine_world.hpp"

#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace troupe::sim {

namespace {

constexpr size_t trace_lines = 60;
constexpr int64_t idle_rounds_max = 5000;
constexpr milliseconds idle_tick{50}; // the ledger's own

struct injected_crash {};

} // namespace

engine_world::engine_world(std::shared_ptr<const language_model> model, world_options options, uint64_t seed)
    : options_(std::move(options)), random_(seed), model_(std::make_shared<hooked_model>(std::move(model))),
      shadow_(options_.page_count + 1), ledger_(options_.ledger, words(), clock_, word_of),
      crashes_left_(options_.crashes) {
  options_.planner.canary_page = options_.page_count;
  options_.planner.numeric_class = model_->numeric_class();
  options_.planner.window = model_->shape().window;
  auto pages = kv_store::create(options_.page_count + 1, model_->page_bytes());
  require(pages.has_value(), "no memory for the pages");
  // Not a number anywhere: nothing works by luck.
  std::memset((*pages)->bytes().data(), 0xff, (*pages)->bytes().size());
  resources_ = {.model = model_,
                .pages = *pages,
                .threads = std::make_shared<thread_pool>(1),
                .record = std::make_shared<step_record>(),
                .lease = std::make_shared<std::mutex>(),
                .clock = &clock_};
  model_->before = [this](auto) { start_pass(); };
  model_->after = [this](auto slices, auto logits) { end_pass(slices, logits); };
  to_engine_.weight = options_.edges.to_engine;
  to_ledger_.weight = options_.edges.to_ledger;
  engine_up_.weight = options_.edges.engine_up;
}

void engine_world::add(open_entry request, lone_answer expected, client_habits habits) {
  auto& added = clients_.emplace_back(std::move(request), std::move(expected), habits);
  added.subscriber = clients_.size();
  added.from_ledger.weight = options_.edges.to_client;
  added.to_ledger.weight = options_.edges.from_client;
}

void engine_world::add_poison(const std::string& response_id, int32_t from_position) {
  poisons_[response_id] = from_position;
}

void engine_world::run() {
  std::vector<choice> choices;
  while (true) {
    require(++counts_.events <= options_.events_max, "no end in sight");
    choices.clear();
    offer(choices);
    if (choices.empty()) {
      if (done())
        break;
      idle();
      continue;
    }
    offer_chance(choices);
    double total = 0;
    for (const auto& each : choices)
      total += each.weight;
    auto at = std::uniform_real_distribution<double>(0, total)(random_);
    size_t picked = 0;
    while (picked + 1 < choices.size() && at >= choices[picked].weight)
      at -= choices[picked++].weight;
    happen(choices[picked]);
  }
  check_rest();
}

void engine_world::happen(const choice& next) {
  trace_.push_back(fmt::format(
      "{:>8} us  {}", std::chrono::duration_cast<microseconds>(clock_.now().time_since_epoch()).count(),
      next.name));
  if (trace_.size() > 2 * trace_lines)
    trace_.erase(trace_.begin(), trace_.end() - trace_lines);
  try {
    next.happen();
  } catch (const injected_crash&) {
    for (const auto& row : current_.rows)
      for (auto page : row.block_table) {
        if (page == no_page)
          continue;
        // What a faulted step may have half-written is not to be read by anyone.
        shadow_.scribble(page);
        const auto bytes = model_->page_bytes();
        std::memset(resources_.pages->bytes().data() + static_cast<size_t>(page) * bytes, 0xff, bytes);
      }
    ++counts_.fatal_steps;
    die();
  }
}

std::string engine_world::trace() const {
  std::string out;
  const auto first = trace_.size() > trace_lines ? trace_.end() - trace_lines : trace_.begin();
  for (auto line = first; line != trace_.end(); ++line)
    out += *line + "\n";
  return out;
}

void engine_world::offer(std::vector<choice>& out) {
  for (auto* edge : {&to_engine_, &to_ledger_, &engine_up_})
    edge->offer(out);
  if (life_)
    life_->offer(out);
  else
    out.push_back({"the engine starts", options_.edges.restart, [this] { restart(); }});
  bool arriving = true; // in their order, one after the other
  for (auto& client : clients_) {
    if (!client.accepted && !client.rejected) {
      if (std::exchange(arriving, false))
        out.push_back({"a request arrives", options_.arrival_weight, [this, &client] { arrive(client); }});
      continue;
    }
    offer_client(client, out);
  }
}

void engine_world::offer_client(sim_client& client, std::vector<choice>& out) {
  client.from_ledger.offer(out);
  client.to_ledger.offer(out);
  if (client.detached && client.habits.returns && !client.came_back &&
      !client.request.resume.stream_token.empty())
    out.push_back(
        {"a client comes back", options_.edges.from_client / 4, [this, &client] { come_back(client); }});
}

void engine_world::offer_chance(std::vector<choice>& out) {
  if (life_ && crashes_left_ > 0)
    out.push_back({"a crash", options_.crash_weight, [this] { crash(); }});
  out.push_back({"time passes", options_.tick_weight, [this] { tick(milliseconds(random_() % 20)); }});
  if (life_)
    out.push_back({"a probe", options_.probe_weight, [this] { life_->probe(); }});
}

void engine_world::tick(milliseconds by) {
  clock_.advance(by);
  act(ledger_.check_deadlines());
}

void engine_world::idle() {
  if (life_ && life_->wake_at()) {
    clock_.advance(*life_->wake_at() - clock_.now());
    happen({"the batcher's window closes", 0, [this] { life_->wake(); }});
    return;
  }
  require(++idle_rounds_ < idle_rounds_max,
          "nothing happens any more, and not everything has ended: " + rest());
  tick(idle_tick);
}

std::string engine_world::rest() const {
  auto out = life_ ? life_->rest() : std::string("no engine");
  for (const auto& client : clients_)
    if (!client.rejected && !(client.ended_in_ledger && (client.ended() || !client.reading)))
      out += fmt::format("; {} (timeout {} ms) {}saw {} events, {}", client.id(), client.request.timeout_ms,
                         client.resumable() ? "can be resumed, " : "", client.seen(),
                         client.ended_in_ledger ? "ended in the ledger" : "is not ended");
  return out;
}

bool engine_world::done() const {
  return life_ && life_->quiet() &&
         std::all_of(clients_.begin(), clients_.end(), [](const sim_client& client) {
           return client.rejected || (client.ended_in_ledger && (client.ended() || !client.reading));
         });
}

void engine_world::check_rest() {
  note_life();
  require(life_->unused_pages() == options_.page_count,
          fmt::format("{} of {} pages came back", life_->unused_pages(), options_.page_count));
  for (const auto& client : clients_)
    if (const auto* last = client.terminal())
      client.check_end(*last, alone_[client.id()]);
  clock_.advance(options_.ledger.resume_window);
  ledger_.check_deadlines();
  require(ledger_.entries() == 0, fmt::format("{} entries are left in the ledger", ledger_.entries()));
  require(ledger_.kept() == 0, fmt::format("{} logs are left in the ledger", ledger_.kept()));
}

// -- clients

void engine_world::arrive(sim_client& client) {
  ledger_effects effects;
  const bool full = ledger_.entries() >= options_.ledger.entries_max;
  const auto opened = ledger_.open(client.request, client.subscriber, effects);
  client.accepted = std::holds_alternative<accepted_response>(opened);
  client.rejected = !client.accepted;
  require(client.rejected == full, "a request was refused without reason, or let in over the limit");
  if (client.accepted)
    by_sequence_[static_cast<sequence_id>(++counts_.accepted)] = &client; // the ledger counts likewise
  act(std::move(effects));
}

void engine_world::read(sim_client& client, const event_batch& batch) {
  client.receive(batch);
  if (!client.reading)
    return;
  client.to_ledger.send([this, &client, last = client.last_seen()] {
    act(ledger_.acknowledge({client.id(), last}));
  });
  if (client.ended())
    return;
  const auto due = [&](int64_t at) { return at >= 0 && client.seen() >= at; };
  if (due(client.habits.cancel_at) && !std::exchange(client.cancelled, true)) {
    // Who cancels what cannot be resumed is not there any more; others read to the end.
    client.reading = client.resumable();
    client.to_ledger.send([this, &client] { act(ledger_.cancel(client.id())); });
  }
  if (client.reading && due(client.habits.detach_at) && !std::exchange(client.detached, true)) {
    client.reading = false;
    client.to_ledger.send([this, &client, lost = random_() % 2 == 0] {
      act(lost ? ledger_.lose_subscriber(client.subscriber) : ledger_.detach(client.id()));
    });
  }
}

void engine_world::come_back(sim_client& client) {
  client.came_back = true;
  client.to_ledger.send([this, &client] {
    const auto& terms = client.request.resume;
    ledger_effects effects;
    client.from_ledger.clear(); // what went to the reader before
    client.subscriber += clients_.size();
    const auto attached = ledger_.attach({.response_id = client.id(),
                                          .owner = terms.owner,
                                          .stream_token = terms.stream_token,
                                          .starting_after = client.last_seen()},
                                         client.subscriber, effects);
    client.reading = std::holds_alternative<accepted_response>(attached);
    require(client.reading || client.ended_in_ledger, "a running response let no reader attach");
    counts_.resumed += client.reading;
    act(std::move(effects));
  });
}

// -- the ledger and the engine's supervisor

void engine_world::act(ledger_effects effects) {
  for (const auto& ended : effects.ended)
    note_end(ended);
  counts_.stale_tokens += static_cast<int64_t>(effects.stale_tokens);
  for (auto& client : clients_) {
    event_batch batch;
    for (auto& [subscriber, event] : effects.events)
      if (subscriber == client.subscriber)
        batch.events.push_back(event);
    if (!batch.events.empty())
      client.from_ledger.send([this, &client, batch = std::move(batch)] { read(client, batch); });
  }
  if (effects.ack)
    to_engine([step = effects.ack->step](engine_life& life) { life.acknowledge(step); }, effects.ack->epoch);
  for (const auto& cancel : effects.cancels)
    to_engine([id = cancel.id](engine_life& life) { life.cancel(id); }, cancel.epoch);
  for (auto& sequence : effects.dispatches) {
    if (options_.change_dispatch)
      options_.change_dispatch(sequence);
    const auto epoch = sequence.epoch;
    to_engine([sequence = std::move(sequence)](engine_life& life) { life.dispatch(sequence); }, epoch);
  }
}

void engine_world::note_end(const ended_response& ended) {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [&](const sim_client& client) { return client.id() == ended.response_id; });
  require(found != clients_.end() && found->accepted, "the end of an unknown response");
  require(!std::exchange(found->ended_in_ledger, true), ended.response_id + " ended twice");
  const bool failed = ended.kind == event_kind::failed;
  counts_.completed += !failed;
  counts_.stopped += ended.kind == event_kind::completed;
  counts_.cancelled += failed && ended.error == request_error::cancelled;
  counts_.late += failed && ended.error == request_error::deadline_exceeded;
  counts_.failed += failed && ended.error == request_error::request_quarantined;
}

/// The supervisor drops what is meant for another life.
void engine_world::to_engine(std::function<void(engine_life&)> deliver, epoch_number epoch) {
  to_engine_.send([this, epoch, deliver = std::move(deliver)] {
    if (life_ && life_->epoch() == epoch)
      deliver(*life_);
  });
}

void engine_world::restart() {
  counts_.restarts += epoch_ > 0;
  const auto to_ledger = [this](step_result result) {
    if (options_.change_result)
      options_.change_result(result);
    to_ledger_.send([this, result = std::move(result)] { act(ledger_.step(result)); });
  };
  const auto before_step = [this](step_plan& plan) {
    if (options_.change_plan)
      options_.change_plan(plan);
    current_ = plan;
  };
  life_ = std::make_unique<engine_life>(
      resources_, ++epoch_,
      life_options{options_.planner, options_.page_count, options_.edges.engine, to_ledger, before_step},
      clock_, shadow_);
  const engine_up up{epoch_, resources_.record->take()};
  if (up.fatal_step.size() == 1 && up.fatal_step[0] != 0)
    ++alone_[by_sequence_.at(up.fatal_step[0])->id()];
  engine_up_.send([this, up] { act(ledger_.engine_started(up)); });
}

void engine_world::crash() {
  --crashes_left_;
  switch (const auto which = static_cast<part>(random_() % 4)) {
  case part::executor_before:
  case part::executor_after:
    armed_ = which;
    return;
  case part::batcher: // or the page manager: the executor stops after the step it has
    if (random_() % 2 == 0)
      life_->run_last_step();
    return die();
  case part::process:
    to_ledger_.clear(); // computed and not sent
    return die();
  }
}

void engine_world::die() {
  note_life();
  life_.reset();
}

void engine_world::note_life() {
  const auto life = life_->counted();
  counts_.steps += life.steps;
  counts_.preempted += life.preempted;
  counts_.canaries += life.canaries;
  counts_.cached_tokens += life.cached_tokens;
  counts_.page_waits += life.page_waits;
  counts_.apart += life.apart;
}

bool engine_world::poisoned(const step_row& row) const {
  const auto client = by_sequence_.find(row.id);
  if (client == by_sequence_.end())
    return false; // the canary
  const auto found = poisons_.find(client->second->id());
  return found != poisons_.end() && row.position + static_cast<int32_t>(row.tokens.size()) > found->second;
}

void engine_world::start_pass() {
  if (armed_ == part::executor_before || std::any_of(current_.rows.begin(), current_.rows.end(),
                                                     [this](const auto& row) { return poisoned(row); })) {
    armed_.reset();
    throw injected_crash{};
  }
}

/// Tokens alone would not do: the likeliest one often survives wrong bits.
void engine_world::check_logits(std::span<const float> logits) const {
  const auto vocabulary = static_cast<size_t>(model_->shape().vocabulary);
  size_t at = 0;
  for (const auto& row : current_.rows) {
    if (row.score && !row.sample)
      at += row.tokens.size() * vocabulary;
    if (!row.sample)
      continue;
    at += row.score ? (row.tokens.size() - 1) * vocabulary : 0; // of its prompt: their ranks are told
    const auto& client = *by_sequence_.at(row.id);
    const auto position =
        static_cast<size_t>(row.position) + row.tokens.size() - client.request.spec.prompt.size();
    // A stop string ends an answer without the engine's knowing: it runs on until it is told.
    require(position >= client.expected.logits.size() ||
                hash_of(logits.subspan(at, vocabulary)) == client.expected.logits[position],
            fmt::format("{}: other logits than alone at {} of its answer", client.id(), position));
    at += vocabulary;
  }
}

void engine_world::end_pass(std::span<const sequence_slice> slices, std::span<const float> logits) {
  check_logits(logits);
  int64_t tokens = 0;
  for (const auto& slice : slices)
    tokens += static_cast<int64_t>(slice.tokens.size());
  clock_.advance(microseconds(
      tokens * static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.token_us_max + 1))));
  if (armed_ == part::executor_after) {
    armed_.reset();
    throw injected_crash{};
  }
}

} // namespace troupe::sim
