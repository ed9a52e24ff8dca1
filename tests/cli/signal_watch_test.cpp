#include "cli/signal_watch.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("the same signal at once is an echo, another one or a later one is new") {
  manual_clock clock;
  signal_watch signals({SIGUSR1, SIGUSR2}, clock);
  CHECK(signals.take_new() == 0);
  raise(SIGUSR1);
  CHECK(signals.take() == SIGUSR1);
  for (int i = 0; i < 2; ++i) {
    clock.advance(milliseconds(99));
    raise(SIGUSR1);
    CHECK(signals.take_new() == 0);
  }
  clock.advance(milliseconds(2)); // 200 after the first; echoes do not count
  raise(SIGUSR1);
  CHECK(signals.take_new() == SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR2);
  CHECK(signals.take_new() == SIGUSR2); // past the echo in front of it
  raise(SIGUSR2);
  CHECK(signals.take() == SIGUSR2); // whoever counts each one still can
}
