#include "supervision/supervision_table.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using rows = std::vector<size_t>;

namespace {

supervision_table make_table(restart_strategy strategy, restart_kind kind = restart_kind::permanent) {
  supervision_table table(strategy, {2, 1000}, {{"a", kind}, {"b", kind}, {"c", kind}});
  CHECK(table.start_all().start == rows{0, 1, 2});
  return table;
}

} // namespace

TEST_CASE("one for one restarts only the child that ended") {
  auto table = make_table(restart_strategy::one_for_one);
  auto effects = table.down(1, false, {});
  CHECK(effects.stop.empty());
  CHECK(effects.start == rows{1});
}

TEST_CASE("one for all stops in reverse order and starts when everybody is down") {
  auto table = make_table(restart_strategy::one_for_all);
  auto effects = table.down(1, false, {});
  CHECK(effects.stop == rows{2, 0});
  CHECK(effects.start.empty());
  CHECK(table.down(0, true, {}).start.empty());
  CHECK(table.down(2, true, {}).start == rows{0, 1, 2});
  CHECK(table.restarts() == 1);
}

TEST_CASE("rest for one leaves the elder siblings alone") {
  auto table = make_table(restart_strategy::rest_for_one);
  CHECK(table.down(1, false, {}).stop == rows{2});
  CHECK(table.down(2, true, {}).start == rows{1, 2});
}

TEST_CASE("a second crash while siblings stop counts once the first restart is done") {
  auto table = make_table(restart_strategy::one_for_all);
  CHECK(table.down(0, false, {}).stop == rows{2, 1});
  CHECK(table.down(1, false, {}).start.empty()); // it crashed instead of stopping: the same to us
  CHECK(table.down(2, true, {}).start == rows{0, 1, 2});
  CHECK(table.restarts() == 1);
}

TEST_CASE("transient and temporary children") {
  auto transient = make_table(restart_strategy::one_for_one, restart_kind::transient);
  CHECK(transient.down(0, true, {}).start.empty());
  CHECK(transient.down(1, false, {}).start == rows{1});
  auto temporary = make_table(restart_strategy::one_for_one, restart_kind::temporary);
  CHECK(temporary.down(0, false, {}).start.empty());
  CHECK(temporary.restarts() == 0);
}

TEST_CASE("more restarts than the intensity allows: the supervisor gives up and takes everybody down") {
  auto table = make_table(restart_strategy::one_for_one);
  manual_clock clock;
  CHECK_FALSE(table.down(0, false, clock.now()).give_up);
  CHECK_FALSE(table.down(0, false, clock.now()).give_up);
  auto effects = table.down(0, false, clock.now());
  CHECK(effects.give_up);
  CHECK(effects.stop == rows{2, 1});
  CHECK_FALSE(table.down(1, true, clock.now()).all_down);
  CHECK(table.down(2, true, clock.now()).all_down);
}

TEST_CASE("restarts outside the period are forgotten") {
  auto table = make_table(restart_strategy::one_for_one);
  manual_clock clock;
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(table.down(0, false, clock.now()).give_up);
    clock.advance(milliseconds(500));
  }
}
