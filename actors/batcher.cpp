#include "actors/batcher.hpp"

#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"

namespace troupe {

namespace {

constexpr size_t probes_max = 8;

} // namespace

batcher::batcher(caf::actor_config& config, batcher_options options, executor_actor executor,
                 page_manager_actor pages, const time_source& clock, metrics& metrics)
    : batcher_actor::base(config), options_(options), executor_(std::move(executor)),
      pages_(std::move(pages)), clock_(clock), metrics_(metrics), planner_(options.limits) {}

batcher::behavior_type batcher::make_behavior() {
  keep_quiet(*this);
  return {
      [this](dispatch_sequence& sequence) { act(planner_.add(std::move(sequence), clock_.now())); },
      [this](const cancel_sequence& cancel) { act(planner_.cancel(cancel.id, clock_.now())); },
      [this](const step_ack& ack) { act(planner_.acknowledge(ack.step, clock_.now())); },
      [this](const batch_timer& timer) {
        if (timer.generation == timer_generation_)
          act(planner_.wake(clock_.now()));
      },
      [this](page_news) { act(planner_.pages_arrived(clock_.now())); },
      [this](const health_probe&) {
        auto promise = make_response_promise<health_report>();
        if (probes_.size() >= probes_max) // given up by their senders long ago
          probes_.clear();
        probes_.push_back(promise);
        act(planner_.probe(clock_.now()));
        return promise;
      },
      [](const inject_fault& fault) { commit_fault(fault); },
  };
}

void batcher::on_exit() {
  // A promise holds its own actor alive, and that would hold the executor's thread.
  probes_.clear();
  metrics_.num_requests_running.Set(0);
  metrics_.num_requests_waiting.Set(0);
  executor_ = nullptr;
  pages_ = nullptr;
}

void batcher::act(batch_planner::effects effects) {
  if (effects.plan) {
    if (effects.waited)
      metrics_.batch_window_wait_seconds.Observe(std::chrono::duration<double>(*effects.waited).count());
    run_step(std::move(*effects.plan));
  }
  if (effects.pages)
    ask_for_pages(std::move(*effects.pages));
  if (effects.wake_at)
    set_timer(*effects.wake_at);
  if (effects.health) {
    for (auto& probe : probes_)
      probe.deliver(*effects.health);
    probes_.clear();
  }
  for (auto time : effects.queued)
    metrics_.request_queue_time_seconds.Observe(std::chrono::duration<double>(time).count());
  for (auto time : effects.prefilled)
    metrics_.request_prefill_time_seconds.Observe(std::chrono::duration<double>(time).count());
  metrics_.num_preemptions_total.Increment(effects.preempted);
  metrics_.num_requests_running.Set(planner_.running());
  metrics_.num_requests_waiting.Set(planner_.waiting());
}

void batcher::run_step(step_plan plan) {
  request(executor_, options_.step_deadline, std::move(plan))
      .then([this](const step_result& result) { act(planner_.step_done(result, clock_.now())); },
            [this](caf::error& why) { give_up(std::move(why)); });
}

void batcher::ask_for_pages(page_request wanted) {
  request(pages_, options_.step_deadline, std::move(wanted))
      .then([this](page_grants& grants) { act(planner_.grants(std::move(grants), clock_.now())); },
            [this](caf::error& why) { give_up(std::move(why)); });
}

/// A neighbour that died is the supervisor's business, which will end this actor too; a silent one is ours.
void batcher::give_up(caf::error why) {
  if (why != caf::sec::request_receiver_down)
    quit(std::move(why));
}

void batcher::set_timer(steady_time at) {
  const auto delay = std::max(at - clock_.now(), steady_time::duration(0));
  delayed_send(this, std::chrono::duration_cast<microseconds>(delay), batch_timer{++timer_generation_});
}

} // namespace troupe
