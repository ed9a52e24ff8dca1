#include "net/actor_bridge.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

using namespace troupe;

namespace {

/// What happened, in order, for the test's thread.
class happenings {
public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    list_.push_back(what);
    changed_.notify_all();
  }

  bool wait_for(const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return count_of(what) > 0; });
  }

  size_t count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return count_of(what);
  }

private:
  size_t count_of(const std::string& what) const {
    return static_cast<size_t>(std::count(list_.begin(), list_.end(), what));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> list_;
};

/// A front that accepts every request and keeps readers waiting until it is told "tick".
class slow_front final : public front_actor::base {
public:
  slow_front(caf::actor_config& config, happenings& seen, intake_reply answer)
      : front_actor::base(config), seen_(seen), answer_(std::move(answer)) {}

  behavior_type make_behavior() override {
    return {
        [](const generation_request& request, const subscriber_actor&) {
          intake_reply reply;
          reply.accepted.emplace();
          reply.accepted->response_id = request.response_id;
          return reply;
        },
        [](const acknowledge_events&) {},
        [this](const cancel_response&) { seen_.add("cancel"); },
        [this](const detach_reader&) { seen_.add("detach"); },
        [this](const attach_reader&, const subscriber_actor&) {
          waiting_ = make_response_promise<intake_reply>();
          seen_.add("attach");
          return waiting_;
        },
        [](const health_probe&) { return health_report(); },
        [](const inject_fault&) {},
        [this](tick) { waiting_.deliver(answer_); },
    };
  }

private:
  happenings& seen_;
  intake_reply answer_;
  caf::typed_response_promise<intake_reply> waiting_;
};

class listener final : public stream_listener {
public:
  listener(happenings& seen, std::string name) : seen_(seen), name_(std::move(name)) {}
  void on_accepted(const accepted_response&) override { seen_.add(name_ + " accepted"); }
  void on_rejected(const rejection&) override { seen_.add(name_ + " rejected"); }
  void on_events(std::span<const response_event>) override { seen_.add(name_ + " events"); }
  void on_taken_over() override { seen_.add(name_ + " taken over"); }

private:
  happenings& seen_;
  std::string name_;
};

intake_reply accepted(bool read_already = false) {
  intake_reply reply;
  reply.accepted.emplace();
  reply.accepted->response_id = "resp_1";
  reply.accepted->read_already = read_already;
  return reply;
}

intake_reply rejected() {
  intake_reply reply;
  reply.rejected = rejection{request_error::response_not_found, "gone", "id", 0};
  return reply;
}

/// A bridge with one response that "first" reads, and "second" on its way to it.
class bridge_world {
public:
  explicit bridge_world(intake_reply answer)
      : front(system.spawn<slow_front>(std::ref(seen), std::move(answer))), numbers("m"),
        bridge(system, front, std::make_shared<node_health>(), {}, {}, bridge_options{16, &numbers, nullptr},
               system_clock()) {
    generation_request request;
    request.response_id = "resp_1";
    bridge.submit(std::move(request), first);
    REQUIRE(seen.wait_for("first accepted"));
    attach_reader reader;
    reader.response_id = "resp_1";
    bridge.attach(std::move(reader), second);
    REQUIRE(seen.wait_for("attach"));
  }
  ~bridge_world() {
    bridge.close();
    caf::anon_send_exit(front, caf::exit_reason::user_shutdown);
  }

  void answer() { caf::anon_send(front, tick{}); }

  happenings seen;
  caf::actor_system_config config;
  caf::actor_system system{config};
  front_actor front;
  metrics numbers;
  actor_bridge bridge;
  std::shared_ptr<listener> first = std::make_shared<listener>(seen, "first");
  std::shared_ptr<listener> second = std::make_shared<listener>(seen, "second");
};

} // namespace

TEST_CASE("a connection found dead while its successor comes does not detach the successor", "[bridge]") {
  bridge_world world(accepted());
  world.bridge.detach("resp_1", world.first);
  world.answer();
  CHECK(world.seen.wait_for("second accepted"));
  CHECK(world.seen.count("first taken over") == 1);
  world.bridge.detach("resp_1", world.first); // still of no effect
  world.bridge.detach("resp_1", world.second);
  CHECK(world.seen.wait_for("detach"));
  CHECK(world.seen.count("detach") == 1);
}

TEST_CASE("if the successor is refused the dead connection is detached after all", "[bridge]") {
  bridge_world world(rejected());
  world.bridge.detach("resp_1", world.first);
  world.answer();
  CHECK(world.seen.wait_for("second rejected"));
  CHECK(world.seen.wait_for("detach"));
  CHECK(world.seen.count("first taken over") == 0);
}

TEST_CASE("a refused reader leaves the one that reads alone", "[bridge]") {
  bridge_world world(rejected());
  world.answer();
  CHECK(world.seen.wait_for("second rejected"));
  CHECK(world.seen.count("detach") == 0);
  CHECK(world.bridge.open_streams() == 1);
}

TEST_CASE("a reader of what has ended counts as no open stream", "[bridge]") {
  bridge_world world(accepted(true));
  world.bridge.cancel("resp_1");
  CHECK(world.seen.wait_for("cancel"));
  world.answer();
  CHECK(world.seen.wait_for("second accepted"));
  CHECK(world.bridge.open_streams() == 0);
}
