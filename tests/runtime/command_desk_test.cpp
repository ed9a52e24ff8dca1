#include "runtime/command_desk.hpp"

#include "supervision/engine_wire.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <chrono>

using namespace troupe;

namespace {

constexpr auto patience = std::chrono::seconds(10);

struct desk_world {
  desk_world() : ends(*frame_link::pair()) {}

  void take(const to_engine& message) { desk.take(encode(message)); }

  /// The index of each command that the engine got, in order.
  std::vector<size_t> received(size_t count) {
    std::vector<size_t> out;
    for (size_t i = 0; i < count; ++i)
      engine->receive([&](const engine_command& command) { out.push_back(command.message.index()); },
                      caf::after(patience) >> [] {});
    return out;
  }

  std::pair<file_descriptor, file_descriptor> ends;
  int stops = 0;
  command_desk desk{std::make_shared<frame_link>(std::move(ends.first)), [this] { ++stops; }};
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor engine{system};
};

} // namespace

TEST_CASE("what comes before the engine is there waits for it") {
  desk_world all;
  auto setup = all.desk.setup();
  all.take(engine_setup{engine_wire_version, 6});
  REQUIRE(setup.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  CHECK(setup.get().last_epoch == 6);
  all.take(engine_setup{engine_wire_version, 7}); // a second one is none
  all.take(dispatch_sequence{});
  all.take(step_ack{1, 2});
  all.desk.open(caf::actor_cast<caf::actor>(all.engine));
  all.take(cancel_sequence{1, 2});
  CHECK(all.received(3) == std::vector<size_t>{to_engine(dispatch_sequence{}).index(),
                                               to_engine(step_ack{}).index(),
                                               to_engine(cancel_sequence{}).index()});
}

TEST_CASE("pings are answered while there is no engine") {
  desk_world all;
  frame_link front(std::move(all.ends.second));
  all.take(engine_ping{});
  const auto answers = [&] {
    int pongs = 0;
    front.run([&](std::string_view bytes) {
      pongs += std::holds_alternative<engine_pong>(*decode_from_engine(bytes));
      front.close();
    });
    return pongs;
  };
  CHECK(answers() == 1);
  all.desk.open(caf::actor_cast<caf::actor>(all.engine));
  all.take(engine_ping{}); // by the engine from now on
  CHECK(all.received(1) == std::vector<size_t>{to_engine(engine_ping{}).index()});
}

TEST_CASE("pings are not answered once the engine has ended") {
  auto ends = *frame_link::pair();
  frame_link front(std::move(ends.second));
  {
    command_desk desk(std::make_shared<frame_link>(std::move(ends.first)), [] {});
    desk.close();
    desk.take(encode(to_engine(engine_ping{})));
  } // all that was said has been said
  int heard = 0;
  CHECK(front.run([&](std::string_view) { ++heard; }) == "the peer is gone");
  CHECK(heard == 0);
}

TEST_CASE("a stop without an engine is one at once") {
  desk_world all;
  all.take(engine_stop{});
  CHECK(all.stops == 1);
  all.desk.open(caf::actor_cast<caf::actor>(all.engine));
  all.take(engine_stop{});
  CHECK(all.stops == 1);
  CHECK(all.received(1).size() == 1);
  all.desk.close();
  all.take(engine_stop{});
  CHECK(all.stops == 2);
}

TEST_CASE("what is no command is refused") {
  desk_world all;
  CHECK_THROWS(all.desk.take("nonsense"));
}
