#include "supervision/engine_supervisor.hpp"

#include "actors/executor.hpp"
#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"
#include "actors/page_manager.hpp"
#include "observe/log.hpp"

#include <caf/actor_system.hpp>

namespace troupe {

namespace {

constexpr milliseconds tick_interval{100};

} // namespace

engine_supervisor::engine_supervisor(caf::actor_config& config, engine_options options, report_actor reports,
                                     metrics& metrics)
    : engine_actor::base(config), options_(std::move(options)), reports_(std::move(reports)),
      metrics_(metrics), children_(*this, restart_strategy::one_for_all, options_.intensity, children(),
                                   *options_.resources.clock, options_.census) {}

std::vector<supervised_child> engine_supervisor::children() {
  // A step ends within step_time_max_ms or so; a detached actor stops after it.
  // The page manager writes pages to the KV directory for 5 s at most when the node ends.
  return {
      {{.id = "page_manager", .restart = restart_kind::permanent, .shutdown_ms = 8000},
       [this] { return start_page_manager(); }},
      {{.id = "executor", .restart = restart_kind::permanent, .shutdown_ms = 5000},
       [this] { return start_executor(); }},
      {{.id = "batcher", .restart = restart_kind::permanent, .shutdown_ms = 1000},
       [this] { return start_batcher(); }},
  };
}

caf::actor engine_supervisor::start_page_manager() {
  epoch_ = ++*options_.epochs;
  // With a KV directory it copies pages, and at the end it waits for a disk: on a thread of its own then.
  const auto& with = options_.resources;
  const auto window = options_.batching.limits.window;
  pages_ = with.tier
               ? system().spawn<page_manager, caf::detached>(options_.page_count, window, with.tier,
                                                             *with.clock, metrics_)
               : system().spawn<page_manager>(options_.page_count, window, nullptr, *with.clock, metrics_);
  return caf::actor_cast<caf::actor>(pages_);
}

caf::actor engine_supervisor::start_executor() {
  const auto& limits = options_.batching.limits;
  auto runner = std::make_shared<step_runner>(options_.resources, epoch_, limits.max_batch_size,
                                              limits.max_batch_tokens);
  executor_ = system().spawn<executor, caf::detached>(std::move(runner), reports_, metrics_);
  return caf::actor_cast<caf::actor>(executor_);
}

caf::actor engine_supervisor::start_batcher() {
  batcher_ =
      system().spawn<batcher>(options_.batching, executor_, pages_, *options_.resources.clock, metrics_);
  return caf::actor_cast<caf::actor>(batcher_);
}

engine_supervisor::behavior_type engine_supervisor::make_behavior() {
  keep_quiet(*this);
  set_down_handler([this](caf::down_msg& message) {
    handle(children_.on_down(message, [&](size_t ended) { return counts(ended, message.reason); }),
           message.reason);
  });
  set_exit_handler([this](caf::exit_msg& message) { handle(children_.stop_all(), message.reason); });
  handle(children_.start_all(), {});
  delayed_send(this, tick_interval, tick{});
  return {
      [this](dispatch_sequence& sequence) {
        if (sequence.epoch == epoch_)
          send(batcher_, std::move(sequence));
      },
      [this](const cancel_sequence& cancel) {
        if (cancel.epoch == epoch_)
          send(batcher_, cancel);
      },
      [this](const step_ack& ack) {
        if (ack.epoch == epoch_)
          send(batcher_, ack);
      },
      [this](health_probe probe) { return delegate(batcher_, probe); },
      [this](const inject_fault& fault) { commit(fault); },
      [this](tick) {
        if (children_.kill_slow()) {
          log_event(log_level::error, "engine_stuck", {{"epoch", epoch_}});
          return quit(); // the front tells the ledger; the stuck thread keeps its lease
        }
        delayed_send(this, tick_interval, tick{});
      },
  };
}

void engine_supervisor::handle(const child_table::outcome& outcome, const caf::error& reason) {
  if (outcome.ended) {
    const auto& id = children_.spec(*outcome.ended).id;
    metrics_.actor_restarts_total.of(id).Increment();
    log_event(log_level::error, "actor_down",
              {{"actor", id}, {"epoch", epoch_}, {"reason", caf::to_string(reason)}});
  }
  if (outcome.gave_up)
    log_event(log_level::error, "engine_given_up", {{"epoch", epoch_}, {"reason", caf::to_string(reason)}});
  if (outcome.all_down)
    return quit(); // ended as told or after all attempts: nobody starts it again
  if (!outcome.started.empty()) {
    // The batcher is the last row: the engine is whole again. All that the old epoch held is void.
    metrics_.engine_epoch.Set(epoch_);
    log_event(log_level::info, "engine_up", {{"epoch", epoch_}});
    auto last = options_.resources.record->take(); // if it crashed when it was told to stop
    auto fatal = std::exchange(fatal_step_, {});
    send(reports_, engine_up{epoch_, fatal.empty() ? std::move(last) : std::move(fatal)}, engine_actor(this));
  }
}

/// Notes the step that crashed, or took too long.
bool engine_supervisor::counts(size_t ended, const caf::error& reason) {
  const bool hung = ended == batcher_child && reason == caf::sec::request_timeout;
  if (hung || ended == executor_child)
    fatal_step_ = options_.resources.record->take();
  return crashes_.counts(fatal_step_);
}

void engine_supervisor::commit(const inject_fault& fault) {
  using effect = poisoned_seeds::effect;
  if (fault.kind == fault_kind::device)
    return options_.resources.model->break_device();
  if (fault.kind == fault_kind::hang)
    return options_.resources.poisoned->add(fault.seed, effect::hangs);
  if (fault.kind == fault_kind::poison)
    return options_.resources.poisoned->add(
        fault.seed, fault.part == engine_part::engine ? effect::ends_process : effect::throws);
  if (fault.part == engine_part::engine)
    return commit_fault(fault);
  const auto part = fault.part == engine_part::batcher    ? batcher_child
                    : fault.part == engine_part::executor ? executor_child
                                                          : page_manager_child;
  if (fault.kind == fault_kind::kill)
    caf::anon_send_exit(children_.handle(part), caf::exit_reason::kill);
  else
    caf::anon_send(caf::actor_cast<caf::actor>(children_.handle(part)), fault);
}

void engine_supervisor::on_exit() {
  // Handles in members keep cycles alive.
  children_.abandon();
  pages_ = nullptr;
  executor_ = nullptr;
  batcher_ = nullptr;
  reports_ = nullptr;
}

} // namespace troupe
