#include "supervision/engine_watch.hpp"

#include <csignal>

namespace troupe {

std::string_view to_string(kill_cause cause) {
  switch (cause) {
  case kill_cause::none:
    return "none";
  case kill_cause::silent:
    return "silent";
  case kill_cause::step_too_long:
    return "step_too_long";
  case kill_cause::start_too_long:
    return "start_too_long";
  case kill_cause::asked:
    return "asked";
  }
  return "none";
}

void engine_watch::begin(steady_time now) {
  began_ = now;
  up_ = false;
  silent_ = milliseconds(0);
  step_.reset();
  cause_ = kill_cause::none;
}

kill_cause engine_watch::tick(steady_time now, std::optional<steady_time> step_since) {
  silent_ += limits_.tick;
  if (silent_ >= limits_.silence)
    return kill_cause::silent;
  step_time_ = step_since && step_since == step_ ? step_time_ + limits_.tick : milliseconds(0);
  step_ = step_since;
  if (step_time_ >= limits_.step_deadline)
    return kill_cause::step_too_long;
  if (!up_ && now - began_ > limits_.start)
    return kill_cause::start_too_long;
  return kill_cause::none;
}

void engine_watch::killed_for(kill_cause cause) {
  if (cause_ == kill_cause::none)
    cause_ = cause;
}

bool engine_watch::step_is_suspect(const process_end& end, bool memory_was_short) const {
  if (cause_ != kill_cause::none)
    return cause_ == kill_cause::step_too_long;
  switch (end.signal) {
  case 0:
    return end.problem.empty();
  case SIGKILL: // the kernel sends the same when memory is short
    return memory_was_short;
  case SIGTERM:
  case SIGINT:
  case SIGHUP:
  case SIGQUIT:
    return false;
  default:
    return true;
  }
}

} // namespace troupe
