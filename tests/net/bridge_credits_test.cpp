// The edge from a door to intake (actors/interfaces.hpp), flooded.
#include "net/actor_bridge.hpp"
#include "tests/supervision/virtual_system.hpp"

#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>
#include <catch2/catch.hpp>

using namespace troupe;
using troupe::test::virtual_system;

namespace {

/// A front whose intake does not answer.
class deaf_front final : public front_actor::base {
public:
  struct log {
    std::vector<caf::typed_response_promise<intake_reply>> waiting;
    int submitted = 0, attached = 0;
  };
  deaf_front(caf::actor_config& config, log* seen) : front_actor::base(config), seen_(seen) {}

  behavior_type make_behavior() override {
    const auto keep = [this](int& count) {
      auto promise = make_response_promise<intake_reply>();
      ++count;
      seen_->waiting.push_back(promise);
      return promise;
    };
    return {[this, keep](generation_request&, const subscriber_actor&) { return keep(seen_->submitted); },
            [](const acknowledge_events&) {},
            [](const cancel_response&) {},
            [](const detach_reader&) {},
            [this, keep](attach_reader&, const subscriber_actor&) { return keep(seen_->attached); },
            [](const health_probe&) { return health_report{}; },
            [this](const inject_fault&) { // the latest is refused
              seen_->waiting.back().deliver(intake_reply{.accepted = std::nullopt, .rejected = rejection{}});
              seen_->waiting.pop_back();
            },
            [](tick) {}};
  }

private:
  log* seen_;
};

struct counting_listener final : stream_listener {
  int accepted = 0;
  std::vector<rejection> refused;
  void on_accepted(const accepted_response&) override { ++accepted; }
  void on_rejected(const rejection& why) override { refused.push_back(why); }
  void on_events(std::span<const response_event>) override {}
};

struct bridge_world {
  virtual_system actors;
  metrics numbers{"test"};
  manual_clock clock;
  deaf_front::log seen;
  front_actor front = actors.system.spawn<deaf_front>(&seen);
  std::unique_ptr<actor_bridge> door = std::make_unique<actor_bridge>(
      actors.system, front, std::make_shared<node_health>(), served_model{}, post_function(),
      bridge_options{.submissions_max = 16, .numbers = &numbers, .census = nullptr}, clock);
  std::shared_ptr<counting_listener> listener = std::make_shared<counting_listener>();

  ~bridge_world() {
    seen.waiting.clear();
    door.reset();
    caf::anon_send_exit(front, caf::exit_reason::kill);
    actors.run();
  }

  void submit(int number, size_t bytes) {
    generation_request request;
    request.response_id = "resp_" + std::to_string(number);
    request.prompt.assign(bytes, 'x');
    door->submit(std::move(request), listener);
    actors.run();
  }
};

} // namespace

TEST_CASE("credit: door to intake, submissions_max that wait for an answer", "[credits]") {
  bridge_world world;
  for (int i = 0; i < 1000; ++i)
    world.submit(i, 10);
  CHECK(world.seen.submitted == 16);
  REQUIRE(world.listener->refused.size() == 1000 - 16);
  for (const auto& why : world.listener->refused) {
    CHECK(why.code == request_error::too_many_requests);
    CHECK(why.retry_after_s == 1);
  }
  caf::anon_send(world.front, inject_fault{});
  world.actors.run();
  world.submit(5000, 10);
  CHECK(world.seen.submitted == 17);
}

TEST_CASE("credit: door to intake, 64 MiB of text that wait for an answer", "[credits]") {
  bridge_world world;
  for (int i = 0; i < 12; ++i)
    world.submit(i, 10 << 20);
  CHECK(world.seen.submitted == 6);
  CHECK(world.listener->refused.size() == 6);
  world.submit(100, 100);
  CHECK(world.seen.submitted == 7);
}

TEST_CASE("credit: door to ledger, submissions_max readers that come back at once", "[credits]") {
  bridge_world world;
  std::vector<std::shared_ptr<counting_listener>> readers;
  for (int i = 0; i < 1000; ++i) {
    readers.push_back(std::make_shared<counting_listener>());
    world.door->attach({"resp_1", "", "token", -1}, readers.back());
  }
  world.actors.run();
  CHECK(world.seen.attached == 16);
  int refused = 0;
  for (const auto& reader : readers)
    refused += static_cast<int>(reader->refused.size());
  CHECK(refused == 1000 - 16);
}
