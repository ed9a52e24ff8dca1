#include "supervision/front.hpp"

#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr milliseconds tick_interval{100};
constexpr const char* engine_gone_reason = "it crashed more often than restart_intensity allows";

} // namespace

front::front(caf::actor_config& config, front_options options, metrics& metrics)
    : front_actor::base(config), options_(std::move(options)), metrics_(metrics),
      children_(*this, restart_strategy::rest_for_one, options_.intensity, children(), *options_.clock,
                options_.census) {}

std::vector<supervised_child> front::children() {
  std::vector<supervised_child> rows;
  for (auto& child : options_.table)
    rows.push_back({child.spec, [this, &child] { return child.start(current_); }});
  return rows;
}

front::behavior_type front::make_behavior() {
  keep_quiet(*this);
  set_down_handler([this](caf::down_msg& message) {
    std::erase_if(subscribers_, [&](const auto& each) { return each.address() == message.source; });
    handle(children_.on_down(message), message.reason);
  });
  set_exit_handler([this](caf::exit_msg& message) {
    options_.health->set_unavailable(true);
    handle(children_.stop_all(), message.reason);
  });
  handle(children_.start_all(), {});
  delayed_send(this, tick_interval, tick{});
  return {
      [this](generation_request& request, const subscriber_actor& subscriber) {
        note_subscriber(subscriber);
        return delegate(current_.intake, std::move(request), subscriber);
      },
      [this](const acknowledge_events& ack) { send(current_.ledger, ack); },
      [this](const cancel_response& cancel) { send(current_.ledger, cancel); },
      [this](const detach_reader& detach) { send(current_.ledger, detach); },
      [this](attach_reader& reader, const subscriber_actor& subscriber) {
        note_subscriber(subscriber);
        return delegate(current_.ledger, std::move(reader), subscriber);
      },
      [this](health_probe probe) { return delegate(current_.engine, probe); },
      [this](const inject_fault& fault) { send(current_.engine, fault); },
      [this](tick) {
        children_.kill_slow(); // a stuck child here is an engine's, and its own supervisor ends
        delayed_send(this, tick_interval, tick{});
      },
  };
}

void front::note_subscriber(const subscriber_actor& subscriber) {
  if (std::find(subscribers_.begin(), subscribers_.end(), subscriber) != subscribers_.end())
    return;
  monitor(subscriber); // a host may have one a response
  subscribers_.push_back(subscriber);
}

void front::handle(const child_table::outcome& outcome, const caf::error& reason) {
  if (outcome.ended) {
    const auto& id = children_.spec(*outcome.ended).id;
    const auto why = caf::to_string(reason);
    metrics_.actor_restarts_total.of(id).Increment();
    log_event(log_level::error, "actor_down", {{"actor", id}, {"reason", why}});
    if (id == "engine" && reason == caf::exit_reason::normal)
      on_engine_end();
    if (id == "ledger")
      tell_ledger_lost();
  }
  if (outcome.gave_up) {
    log_event(log_level::error, "node_gave_up", {{"reason", caf::to_string(reason)}});
    options_.health->set_unavailable(true);
    metrics_.ready.Set(0);
  }
  for (auto row : outcome.started) {
    if (children_.spec(row).id == "engine") { // taken along by a ledger that died: one more chance
      engine_gone_ = false;
      options_.health->set_unavailable(false);
    }
  }
  if (outcome.all_down) {
    tell_ledger_lost();
    quit();
  }
}

void front::tell_ledger_lost() {
  for (const auto& subscriber : subscribers_)
    send(subscriber, ledger_lost{});
}

/// The engine's supervisor has tried often enough. The node stays up, unready, and says so to everybody;
/// whoever runs the process decides.
void front::on_engine_end() {
  engine_gone_ = true;
  options_.health->set_unavailable(true);
  metrics_.ready.Set(0);
  send(current_.ledger, engine_gone{engine_gone_reason});
}

void front::on_exit() {
  children_.abandon();
  current_ = {};
  subscribers_.clear();
  options_.table.clear();
}

} // namespace troupe
