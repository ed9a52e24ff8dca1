#include "actors/batching_window.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("a lone request never waits") {
  batching_window window(milliseconds(50), 32);
  manual_clock clock;
  window.arrival(clock.now());
  CHECK(window.start_at(clock.now(), 1, clock.now()) <= clock.now());
}

TEST_CASE("rare arrivals never wait: the batch would not fill") {
  batching_window window(milliseconds(50), 4);
  manual_clock clock;
  for (int i = 0; i < 20; ++i) {
    clock.advance(milliseconds(40));
    window.arrival(clock.now());
  }
  CHECK(window.start_at(clock.now(), 1, clock.now()) <= clock.now()); // 3 more at 40 ms each: 120 ms
}

TEST_CASE("dense arrivals wait, for at most the window and not into silence") {
  batching_window window(milliseconds(50), 8);
  manual_clock clock;
  for (int i = 0; i < 20; ++i) {
    clock.advance(milliseconds(2));
    window.arrival(clock.now());
  }
  const auto oldest = clock.now();
  const auto start = window.start_at(clock.now(), 1, oldest);
  CHECK(start > clock.now());
  CHECK(start <= oldest + milliseconds(50));
  CHECK(start <= clock.now() + milliseconds(5));                 // two expected intervals of silence
  CHECK(window.start_at(clock.now(), 8, oldest) <= clock.now()); // full
  clock.advance(milliseconds(50));
  CHECK(window.start_at(clock.now(), 2, oldest) <= clock.now()); // the window closed
}

TEST_CASE("a fixed window waits to its end, however rare arrivals are, or for a full batch") {
  batching_window window(milliseconds(50), 4, window_kind::fixed);
  manual_clock clock;
  window.arrival(clock.now());
  const auto oldest = clock.now();
  CHECK(window.start_at(clock.now(), 1, oldest) == oldest + milliseconds(50));
  clock.advance(milliseconds(49));
  CHECK(window.start_at(clock.now(), 3, oldest) == oldest + milliseconds(50));
  CHECK(window.start_at(clock.now(), 4, oldest) <= clock.now());
  clock.advance(milliseconds(1));
  CHECK(window.start_at(clock.now(), 1, oldest) <= clock.now());
}

TEST_CASE("a window of zero never waits") {
  batching_window window(milliseconds(0), 8);
  manual_clock clock;
  for (int i = 0; i < 20; ++i) {
    clock.advance(milliseconds(1));
    window.arrival(clock.now());
  }
  CHECK(window.start_at(clock.now(), 1, clock.now()) <= clock.now());
}
