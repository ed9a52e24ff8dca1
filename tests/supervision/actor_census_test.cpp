#include "supervision/actor_census.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <atomic>

using namespace troupe;

namespace {

class mime final : public caf::event_based_actor {
public:
  mime(caf::actor_config& config, std::atomic<int>* left) : caf::event_based_actor(config), left_(left) {}

  caf::behavior make_behavior() override {
    return {[](int) {}};
  }

  void on_exit() override { ++*left_; }

private:
  std::atomic<int>* left_;
};

} // namespace

TEST_CASE("a census waits for the actors that it watches, and for no others") {
  std::atomic<int> left = 0;
  caf::actor_system_config config;
  caf::actor_system system(config);
  auto stranger = system.spawn<mime>(&left);
  auto census = std::make_shared<actor_census>();
  CHECK(census->wait(milliseconds(0)));
  std::vector<caf::actor> watched;
  for (int i = 0; i < 100; ++i) {
    watched.push_back(system.spawn<mime>(&left));
    census->watch(watched.back());
  }
  CHECK(census->living() == 100);
  CHECK_FALSE(census->wait(milliseconds(1)));
  for (const auto& each : watched)
    caf::anon_send_exit(each, caf::exit_reason::kill);
  REQUIRE(census->wait(milliseconds(30'000)));
  CHECK(left == 100); // on_exit() comes before
  caf::anon_send_exit(stranger, caf::exit_reason::kill);
}

TEST_CASE("a census counts an actor that ended before, and one that nobody holds any more") {
  std::atomic<int> left = 0;
  caf::actor_system_config config;
  caf::actor_system system(config);
  auto census = std::make_shared<actor_census>();
  census->watch(system.spawn<mime>(&left)); // unreachable from here on
  REQUIRE(census->wait(milliseconds(30'000)));
  auto ended = system.spawn<mime>(&left);
  caf::anon_send_exit(ended, caf::exit_reason::kill);
  system.await_all_actors_done();
  census->watch(ended);
  CHECK(census->wait(milliseconds(30'000)));
}

TEST_CASE("what a census keeps lives as long as any actor") {
  std::atomic<int> left = 0;
  caf::actor_system_config config;
  caf::actor_system system(config);
  auto needed = std::make_shared<int>(1);
  std::weak_ptr<int> alive = needed;
  auto census = std::make_shared<actor_census>();
  census->keep(std::move(needed));
  auto one = system.spawn<mime>(&left);
  census->watch(one);
  census.reset();
  CHECK_FALSE(alive.expired());
  caf::anon_send_exit(one, caf::exit_reason::kill);
  system.await_all_actors_done();
  one = nullptr;
  // The last share goes with the attachable, right after the actor has signed off.
  for (int i = 0; i < 1'000'000 && !alive.expired(); ++i)
    std::this_thread::yield();
  CHECK(alive.expired());
}
