#include "supervision/engine_host.hpp"

#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"
#include "supervision/engine_wire.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

namespace troupe {

namespace {

constexpr milliseconds counts_interval{200};
constexpr milliseconds probe_limit{60'000}; // the front has given it up long before

} // namespace

engine_host::engine_host(caf::actor_config& config, engine_host_options options, metrics& numbers)
    : engine_host_actor::base(config), options_(std::move(options)), numbers_(numbers) {}

engine_host::behavior_type engine_host::make_behavior() {
  keep_quiet(*this);
  set_down_handler([this](const caf::down_msg& message) {
    tell_counts();
    // It ends normally when it gives up. If it crashed, the front decides.
    if (!stopping_ && message.reason == caf::exit_reason::normal)
      tell(engine_gave_up{});
    quit(message.reason);
  });
  engine_ = system().spawn<engine_supervisor>(options_.engine, report_actor(this), numbers_);
  monitor(engine_);
  delayed_send(this, counts_interval, tick{});
  return {
      [this](const step_result& result) { tell(result); },
      [this](const engine_up& up, const engine_actor&) { tell(up); },
      [this](const engine_command& command) {
        std::visit([this](const auto& message) { obey(message); }, command.message);
      },
      [this](tick) {
        tell_counts();
        delayed_send(this, counts_interval, tick{});
      },
  };
}

void engine_host::tell(const from_engine& message) {
  options_.link->send(encode(message));
}

void engine_host::obey(const engine_stop&) {
  stopping_ = true;
  if (options_.closing)
    options_.closing();
  caf::anon_send_exit(engine_, caf::exit_reason::user_shutdown);
}

/// A probe dies with the batcher that holds it: then there is nothing to tell.
void engine_host::obey(const health_probe& probe) {
  request(engine_, probe_limit, probe)
      .then([this](const health_report& report) { tell(report); }, [](caf::error&) {});
}

void engine_host::tell_counts() {
  auto now = numbers_.engine_counts();
  if (now == told_counts_)
    return;
  tell(engine_counts{now});
  told_counts_ = std::move(now);
}

void engine_host::on_exit() {
  // However it ends, nobody outlives it.
  if (engine_)
    caf::anon_send_exit(engine_, caf::exit_reason::user_shutdown);
  engine_ = nullptr;
  if (options_.ended)
    options_.ended();
}

} // namespace troupe
