#include "supervision/engine_watch.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace troupe;

namespace {

constexpr engine_watch_limits limits{.tick = milliseconds(100),
                                     .silence = milliseconds(3000),
                                     .step_deadline = milliseconds(5000),
                                     .start = milliseconds(60'000)};

engine_watch begun(const manual_clock& clock) {
  engine_watch watch(limits);
  watch.begin(clock.now());
  return watch;
}

process_end ended_by(int signal) {
  return {.exit_code = 0, .signal = signal, .problem = {}};
}

} // namespace

TEST_CASE("silence is counted in the watcher's own ticks") {
  manual_clock clock;
  auto watch = begun(clock);
  for (int i = 0; i < 29; ++i)
    REQUIRE(watch.tick(clock.now(), {}) == kill_cause::none);
  watch.heard();
  for (int i = 0; i < 29; ++i)
    REQUIRE(watch.tick(clock.now(), {}) == kill_cause::none);
  CHECK(watch.tick(clock.now(), {}) == kill_cause::silent);

  auto stopped = begun(clock);
  clock.advance(std::chrono::seconds(30)); // the front itself stood still
  CHECK(stopped.tick(clock.now(), {}) == kill_cause::none);
}

TEST_CASE("a step may take until its deadline") {
  manual_clock clock;
  auto watch = begun(clock);
  const auto since = clock.now();
  const auto tick = [&](std::optional<steady_time> step) {
    watch.heard();
    return watch.tick(clock.now(), step);
  };
  REQUIRE(tick(since) == kill_cause::none);
  for (int i = 0; i < 49; ++i)
    REQUIRE(tick(since) == kill_cause::none);
  CHECK(tick(since) == kill_cause::step_too_long);
  CHECK(tick({}) == kill_cause::none);
  for (int i = 0; i < 100; ++i) // each tick another step
    REQUIRE(tick(since + milliseconds(i)) == kill_cause::none);
  clock.advance(std::chrono::seconds(60)); // the front itself stood still
  CHECK(tick(since + milliseconds(99)) == kill_cause::none);
}

TEST_CASE("a start has an end") {
  manual_clock clock;
  auto watch = begun(clock);
  clock.advance(limits.start + milliseconds(1));
  CHECK(watch.tick(clock.now(), {}) == kill_cause::start_too_long);
  watch.came_up();
  CHECK(watch.tick(clock.now(), {}) == kill_cause::none);
}

TEST_CASE("only what a step can do to its process makes its sequences suspects") {
  manual_clock clock;
  auto watch = begun(clock);
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS})
    CHECK(watch.step_is_suspect(ended_by(signal), false));
  CHECK(watch.step_is_suspect({.exit_code = 1, .signal = 0, .problem = {}}, false));
  for (int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT})
    CHECK_FALSE(watch.step_is_suspect(ended_by(signal), false));
  CHECK(watch.step_is_suspect(ended_by(SIGKILL), true)); // memory ran short
  CHECK_FALSE(watch.step_is_suspect({.exit_code = 0, .signal = 0, .problem = "no such file"}, false));
}

TEST_CASE("who was killed by us was killed for a cause") {
  manual_clock clock;
  auto hung = begun(clock);
  hung.killed_for(kill_cause::step_too_long);
  hung.killed_for(kill_cause::silent); // the first stays
  CHECK(hung.step_is_suspect(ended_by(SIGKILL), false));
  auto stopped = begun(clock);
  stopped.killed_for(kill_cause::silent);
  CHECK_FALSE(stopped.step_is_suspect(ended_by(SIGKILL), true));
  stopped.begin(clock.now());
  CHECK(stopped.cause() == kill_cause::none);
}
