// An engine_host over the default model, and the front's end of its link.
#include "supervision/engine_host.hpp"

#include "runtime/engine_parts.hpp"
#include "supervision/engine_wire.hpp"
#include "tests/runtime/test_node.hpp"

#include <caf/send.hpp>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

using namespace troupe;

namespace {

constexpr auto patience = std::chrono::seconds(30);

/// Reads what the engine says.
class front_end {
public:
  explicit front_end(file_descriptor socket)
      : link_(std::move(socket)), reader_([this] {
          link_.run([this](std::string_view bytes) {
            const std::scoped_lock lock(mutex_);
            said_.push_back(*decode_from_engine(bytes));
            changed_.notify_all();
          });
        }) {}

  ~front_end() {
    link_.close();
    reader_.join();
  }

  /// The next message of this kind; absent: none came within `limit`.
  template <class Message>
  std::optional<Message> next(std::chrono::milliseconds limit = patience) {
    std::unique_lock lock(mutex_);
    std::optional<Message> out;
    changed_.wait_for(lock, limit, [&] {
      for (; read_ < said_.size() && !out; ++read_)
        if (const auto* found = std::get_if<Message>(&said_[read_]))
          out = *found;
      return out.has_value();
    });
    return out;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<from_engine> said_;
  size_t read_ = 0;
  frame_link link_;
  std::thread reader_;
};

struct engine_world {
  engine_world() : ends(*frame_link::pair()), front(std::move(ends.second)) {
    static const auto model = load_model(test_settings(), {});
    REQUIRE(model);
    auto parts = make_engine_parts(test_settings(), model->weights, *numbers, system_clock(), numbers,
                                   std::make_shared<step_record>());
    REQUIRE(parts);
    parts->options.epochs->store(41);
    parts->options.intensity = {2, 60'000};
    auto made = system.spawn<engine_host>(
        engine_host_options{.engine = parts->options,
                            .link = std::make_shared<frame_link>(std::move(ends.first)),
                            .closing = [this] { closing = true; },
                            .ended = [this] { ended.set_value(); }},
        *numbers);
    host = caf::actor_cast<caf::actor>(made);
  }

  ~engine_world() { caf::anon_send_exit(host, caf::exit_reason::kill); }

  void tell(to_engine message) { caf::anon_send(host, engine_command{std::move(message)}); }

  std::shared_ptr<metrics> numbers = std::make_shared<metrics>("test");
  std::pair<file_descriptor, file_descriptor> ends;
  front_end front;
  std::atomic<bool> closing{false};
  std::promise<void> ended;
  runtime_config config{1};
  caf::actor_system system{config};
  caf::actor host;
};

/// Holds its thread.
class blocking final : public health_monitor_actor::base {
public:
  blocking(caf::actor_config& config, std::promise<void>* blocked, std::promise<void>* release)
      : health_monitor_actor::base(config), blocked_(blocked), release_(release) {}

  behavior_type make_behavior() override {
    return {[this](tick) {
      blocked_->set_value();
      release_->get_future().wait();
    }};
  }

private:
  std::promise<void>* blocked_;
  std::promise<void>* release_;
};

dispatch_sequence short_answer(epoch_number epoch) {
  dispatch_sequence out;
  out.epoch = epoch;
  out.id = 5;
  out.spec.prompt = {1, 2, 3, 4};
  out.spec.sampling.temperature = 0;
  out.spec.max_tokens = 3;
  return out;
}

} // namespace

TEST_CASE("an engine behind a link answers, counts, and ends when it is told") {
  engine_world all;
  REQUIRE(all.front.next<engine_up>());
  all.tell(short_answer(41)); // an epoch that is over: dropped
  all.tell(short_answer(42));
  for (uint64_t position = 0; position < 3; ++position) {
    const auto result = all.front.next<step_result>();
    REQUIRE(result);
    CHECK(result->epoch == 42);
    REQUIRE(result->tokens.size() == 1);
    CHECK(result->tokens[0].id == 5);
    CHECK(result->tokens[0].position == static_cast<int32_t>(position));
    all.tell(step_ack{42, result->step});
  }
  all.tell(health_probe{});
  CHECK(all.front.next<health_report>());
  CHECK(all.front.next<engine_counts>());
  all.tell(engine_stop{});
  CHECK(all.ended.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(all.closing);
  CHECK_FALSE(all.front.next<engine_gave_up>(std::chrono::milliseconds(0)));
}

TEST_CASE("an engine that gives up says so") {
  engine_world all;
  REQUIRE(all.front.next<engine_up>());
  for (int restart = 0; restart < 2; ++restart) {
    all.tell(inject_fault{engine_part::executor, fault_kind::kill});
    REQUIRE(all.front.next<engine_up>());
  }
  all.tell(inject_fault{engine_part::executor, fault_kind::kill});
  CHECK(all.front.next<engine_gave_up>());
  CHECK(all.ended.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("a ping is answered by the scheduler of the actors, so its blocked threads are silence") {
  engine_world all;
  REQUIRE(all.front.next<engine_up>());
  all.tell(engine_ping{});
  REQUIRE(all.front.next<engine_pong>());
  std::promise<void> blocked, release;
  auto blocker = all.system.spawn<blocking>(&blocked, &release);
  caf::anon_send(blocker, tick{}); // the only thread
  blocked.get_future().wait();
  all.tell(engine_ping{});
  CHECK_FALSE(all.front.next<engine_pong>(std::chrono::milliseconds(300)));
  release.set_value();
  CHECK(all.front.next<engine_pong>());
}
