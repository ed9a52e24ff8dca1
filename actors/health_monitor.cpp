#include "actors/health_monitor.hpp"

#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"

namespace troupe {

health_monitor::health_monitor(caf::actor_config& config, engine_actor engine,
                               std::shared_ptr<node_health> health, milliseconds interval,
                               const time_source& clock, metrics& metrics)
    : health_monitor_actor::base(config), engine_(std::move(engine)), health_(std::move(health)),
      interval_(interval), clock_(clock), metrics_(metrics) {}

health_monitor::behavior_type health_monitor::make_behavior() {
  keep_quiet(*this);
  probe();
  return {[this](tick) { probe(); }};
}

void health_monitor::probe() {
  const auto again = [this](milliseconds delay) {
    const bool ready = health_->ready(clock_.now());
    if (ready != was_ready_)
      log_event(ready ? log_level::info : log_level::warn, ready ? "node_ready" : "node_unready", {});
    was_ready_ = ready;
    metrics_.ready.Set(ready ? 1 : 0);
    delayed_send(this, delay, tick{});
  };
  // A probe dies with the batcher that held it, so it is given up after one interval and sent again soon.
  request(engine_, interval_, health_probe{})
      .then(
          [this, again](const health_report& report) {
            health_->step_ended(clock_.now(), report.step_us);
            again(interval_);
          },
          // The engine restarts, hangs or is gone: its silence is the news, and ready() goes by the last
          // answer.
          [this, again](caf::error&) { again(interval_ / 10); });
}

} // namespace troupe
