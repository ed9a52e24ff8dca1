#include "supervision/engine_proxy.hpp"

#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"
#include "supervision/engine_wire.hpp"

#include <caf/send.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace troupe {

namespace {

constexpr uint64_t ticks_a_ping = 5;
constexpr size_t probes_max = 8;
constexpr size_t poisons_max = 16;
constexpr milliseconds stop_limit{15'000}; // a step that runs, and 5 s for pages that go to the KV directory

} // namespace

engine_proxy::engine_proxy(caf::actor_config& config, engine_proxy_options options, report_actor reports,
                           metrics& metrics)
    : engine_proxy_actor::base(config), options_(std::move(options)), reports_(std::move(reports)),
      metrics_(metrics),
      table_(restart_strategy::one_for_one, options_.intensity,
             {{.id = "engine_process", .restart = restart_kind::permanent, .shutdown_ms = 0}}),
      watch_(options_.watch) {}

engine_proxy::behavior_type engine_proxy::make_behavior() {
  keep_quiet(*this);
  set_exit_handler([this](caf::exit_msg&) { stop(); });
  table_.start_all();
  start();
  delayed_send(this, options_.watch.tick, tick{});
  return {
      [this](dispatch_sequence& sequence) {
        if (sequence.epoch == epoch_ && process_)
          process_->send(std::move(sequence));
      },
      [this](const cancel_sequence& cancel) {
        if (cancel.epoch == epoch_ && process_)
          process_->send(cancel);
      },
      [this](const step_ack& ack) {
        if (ack.epoch == epoch_ && process_)
          process_->send(ack);
      },
      [this](const health_probe& probe) {
        auto promise = make_response_promise<health_report>();
        if (probes_.size() >= probes_max) // given up by their senders long ago
          probes_.clear();
        probes_.push_back(promise);
        if (process_)
          process_->send(probe);
        return promise;
      },
      [this](const inject_fault& fault) { commit(fault); },
      [this](tick) {
        watch();
        delayed_send(this, options_.watch.tick, tick{});
      },
      [this](const engine_event& event) { on(event); },
  };
}

void engine_proxy::start() {
  epoch_ = 0;
  counts_.clear();
  memory_kills_ = out_of_memory_kills();
  watch_.begin(options_.clock->now());
  process_ = options_.start(++lives_, {engine_wire_version, options_.epochs->load()});
  // The process's thread must not keep this actor alive.
  process_->forward_to([self = address()](engine_event event) {
    if (const auto proxy = caf::actor_cast<caf::actor>(self))
      caf::anon_send(proxy, std::move(event));
  });
}

void engine_proxy::stop() {
  if (!process_)
    return quit();
  if (told_to_stop_)
    return;
  told_to_stop_ = options_.clock->now();
  watch_.killed_for(kill_cause::asked);
  process_->send(engine_stop{});
}

void engine_proxy::watch() {
  if (!process_)
    return;
  const auto now = options_.clock->now();
  const auto cause = watch_.tick(now, options_.record->running_since());
  if (cause != kill_cause::none && watch_.cause() != cause) {
    log_event(log_level::error, "engine_process_killed", {{"cause", to_string(cause)}, {"epoch", epoch_}});
    watch_.killed_for(cause);
  }
  if (cause != kill_cause::none || (told_to_stop_ && now - *told_to_stop_ > stop_limit))
    return process_->kill();
  if (ticks_++ % ticks_a_ping == 0)
    process_->send(engine_ping{});
}

void engine_proxy::commit(const inject_fault& fault) {
  const bool lasts = fault.kind == fault_kind::poison || fault.kind == fault_kind::hang;
  if (lasts && poisons_.size() < poisons_max)
    poisons_.push_back(fault);
  if (!process_)
    return;
  if (fault.part == engine_part::engine && fault.kind == fault_kind::kill)
    process_->kill(); // as somebody outside would
  else
    process_->send(fault);
}

void engine_proxy::on(const engine_event& event) {
  if (!process_ || event.life != process_->life())
    return;
  watch_.heard();
  if (const auto* end = std::get_if<process_end>(&event.what))
    return on_message(*end);
  if (!gave_up_) // what is said after that is not meant for anybody
    std::visit([this](const auto& message) { on_message(message); }, std::get<from_engine>(event.what));
}

void engine_proxy::on_message(const engine_loaded& loaded) {
  if (loaded.numeric_class == options_.numeric_class)
    return;
  // The rest of the answers would come from other weights.
  log_event(log_level::error, "model_file_changed",
            {{"numeric_class", fmt::format("{:016x}", loaded.numeric_class)}});
  gave_up_ = true;
  process_->kill();
}

void engine_proxy::on_message(const engine_refused& refused) {
  log_event(log_level::error, "engine_refused", {{"reason", refused.reason}});
}

void engine_proxy::on_message(const engine_up& up) {
  watch_.came_up();
  epoch_ = up.epoch;
  // It counts on by itself while its process lives.
  if (epoch_ > options_.epochs->load())
    options_.epochs->store(epoch_);
  metrics_.engine_epoch.Set(epoch_);
  for (const auto& poison : std::exchange(poisons_, {})) // before the sequences
    commit(poison);
  auto fatal = std::exchange(fatal_step_, {});
  send(reports_, engine_up{epoch_, fatal.empty() ? up.fatal_step : std::move(fatal)}, engine_actor(this));
}

void engine_proxy::on_message(const step_result& result) {
  send(reports_, result);
}

void engine_proxy::on_message(const health_report& report) {
  for (auto& probe : std::exchange(probes_, {}))
    probe.deliver(report);
}

void engine_proxy::on_message(const engine_counts& counts) {
  metrics_.add_engine_counts(counts_, counts.values);
  counts_ = counts.values;
}

void engine_proxy::on_message(const process_end& end) {
  process_.reset();
  probes_.clear();
  metrics_.num_requests_running.Set(0);
  metrics_.num_requests_waiting.Set(0);
  auto fatal = options_.record->take();
  if (told_to_stop_)
    return quit();
  const bool suspect = watch_.step_is_suspect(end, out_of_memory_kills() > memory_kills_);
  if (!suspect)
    fatal.clear();
  metrics_.actor_restarts_total.of("engine_process").Increment();
  log_event(log_level::error, "engine_process_ended",
            {{"how", to_string(end)},
             {"killed_as", to_string(watch_.cause())},
             {"epoch", epoch_},
             {"suspects", fatal.size()}});
  const bool counts = crashes_.counts(fatal);
  if (!fatal.empty())
    fatal_step_ = std::move(fatal);
  if (gave_up_)
    return give_up("it has given up by itself, or its model file has changed");
  if (table_.down(0, false, options_.clock->now(), counts).give_up)
    return give_up("more restarts than restart_intensity");
  start();
}

/// The front tells the ledger.
void engine_proxy::give_up(const char* reason) {
  log_event(log_level::error, "engine_given_up", {{"epoch", epoch_}, {"reason", reason}});
  quit();
}

void engine_proxy::on_exit() {
  process_.reset(); // nothing of it outlives us
  probes_.clear();
  reports_ = nullptr;
}

} // namespace troupe
