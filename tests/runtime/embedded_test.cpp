#include "runtime/embedded_runtime.hpp"
#include "runtime/runtime_config.hpp"
#include "tests/runtime/answer_collector.hpp"
#include "tests/runtime/host_reader.hpp"
#include "tests/runtime/test_node.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <future>

using namespace troupe;

namespace {

class echo final : public caf::event_based_actor {
public:
  explicit echo(caf::actor_config& config) : caf::event_based_actor(config) {}

  caf::behavior make_behavior() override {
    return {[](int number) { return number; }};
  }
};

/// A host program: its own system with an actor of its own.
class host {
public:
  host() : config(2), system(config), own(system.spawn<echo>()) {}
  ~host() { caf::anon_send_exit(own, caf::exit_reason::user_shutdown); }

  bool goes_on() {
    bool answered = false;
    caf::scoped_actor self(system);
    self->request(own, std::chrono::seconds(10), 7)
        .receive([&](int number) { answered = number == 7; }, [](const caf::error&) {});
    return answered;
  }

  std::unique_ptr<embedded_runtime> start(const settings& configuration = test_settings()) {
    static const auto model = load_model(test_settings(), {});
    if (!model)
      FAIL(model.error().what());
    auto started = embedded_runtime::start(system, configuration, *model);
    if (!started)
      FAIL(started.error().what());
    return std::move(*started);
  }

  std::future<host_answer> ask(embedded_runtime& runtime, generation_request question,
                               host_reader::on_event notice = {}) {
    std::promise<host_answer> done;
    auto answer = done.get_future();
    system.spawn<host_reader>(runtime.actor(), std::move(question), std::move(done), std::move(notice));
    return answer;
  }

  runtime_config config;
  caf::actor_system system;
  caf::actor own;
};

host_answer wait_for(std::future<host_answer> answer) {
  if (answer.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
    FAIL("no answer within 60 s");
  return answer.get();
}

generation_request story(const embedded_runtime& runtime) {
  auto request = runtime.request("Tell me a story about a ship.");
  request.seed = 7;
  request.max_tokens = 40;
  return request;
}

void check_numbers(const host_answer& answer) {
  CHECK_FALSE(answer.lost);
  CHECK_FALSE(answer.refused);
  REQUIRE_FALSE(answer.events.empty());
  for (size_t n = 0; n < answer.events.size(); ++n)
    CHECK(answer.events[n].sequence_number == static_cast<int64_t>(n));
}

} // namespace

TEST_CASE("an actor of a host gets an answer, a crash in it changes no byte, and the host goes on") {
  host program;
  auto runtime = program.start();
  const auto calm = wait_for(program.ask(*runtime, story(*runtime)));
  check_numbers(calm);
  REQUIRE(is_terminal(calm.events.back().kind));
  CHECK_FALSE(calm.events.back().text.empty());

  for (auto kind : {fault_kind::kill, fault_kind::throw_error}) {
    const auto disturbed =
        wait_for(program.ask(*runtime, story(*runtime), [&](host_reader& self, const response_event& event) {
          if (event.sequence_number == 12)
            self.send(self.runtime(), inject_fault{engine_part::executor, kind});
        }));
    check_numbers(disturbed);
    REQUIRE(disturbed.events.size() == calm.events.size());
    CHECK(disturbed.events.back().text == calm.events.back().text);
  }
  CHECK(runtime->metrics_text().find("troupe_actor_restarts_total") != std::string::npos);
  runtime->stop(1000);
  runtime->stop(1000);
  CHECK(program.goes_on());
}

TEST_CASE("a host may cancel, ask for nonsense, and stop in the middle") {
  host program;
  auto runtime = program.start();
  auto endless = runtime->request({});
  endless.messages.clear();
  endless.prompt = "1 2 3 4 5 6 7 8 9 10 11 12"; // no chat, no end
  endless.sampling.temperature = 0;
  endless.max_tokens = 4000;
  const auto cancelled =
      wait_for(program.ask(*runtime, endless, [](host_reader& self, const response_event& event) {
        if (event.sequence_number == 8)
          self.send(self.runtime(), cancel_response{event.response_id});
      }));
  CHECK(cancelled.events.back().kind == event_kind::failed);
  CHECK(cancelled.events.back().error == request_error::cancelled);

  auto nonsense = story(*runtime);
  nonsense.max_tokens = 0;
  const auto refused = wait_for(program.ask(*runtime, nonsense));
  REQUIRE(refused.refused);
  CHECK(refused.refused->param == "max_tokens");

  endless.response_id = "resp_again";
  std::promise<void> running;
  auto cut = program.ask(*runtime, endless, [&](host_reader&, const response_event& event) {
    if (event.sequence_number == 8)
      running.set_value();
  });
  REQUIRE(running.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  runtime->stop(0);
  CHECK(wait_for(std::move(cut)).lost);
  CHECK(program.goes_on());
}

TEST_CASE("a stop lets the answers of a host's actors end, within its limit") {
  host program;
  auto runtime = program.start();
  std::promise<void> running;
  auto answer = program.ask(*runtime, story(*runtime), [&](host_reader&, const response_event& event) {
    if (event.sequence_number == 4)
      running.set_value();
  });
  REQUIRE(running.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  runtime->stop(60'000);
  const auto whole = wait_for(std::move(answer));
  check_numbers(whole);
  CHECK(whole.events.back().kind != event_kind::failed);
}

TEST_CASE("two runtimes in one system, and one in another, give the same words") {
  host one, other;
  auto first = one.start(), second = one.start(), third = other.start();
  auto answers = std::vector<std::future<host_answer>>();
  answers.push_back(one.ask(*first, story(*first)));
  answers.push_back(one.ask(*second, story(*second)));
  answers.push_back(other.ask(*third, story(*third)));
  std::vector<host_answer> got;
  for (auto& each : answers)
    got.push_back(wait_for(std::move(each)));
  for (const auto& each : got) {
    check_numbers(each);
    CHECK(each.events.back().text == got.front().events.back().text);
  }
  // One that ends takes nothing along.
  first->stop(0);
  const auto after = wait_for(one.ask(*second, story(*second)));
  CHECK(after.events.back().text == got.front().events.back().text);
}

TEST_CASE("code that is no actor listens at the door") {
  host program;
  auto runtime = program.start();
  auto reader = std::make_shared<answer_collector>(runtime->door());
  runtime->door().submit(story(*runtime), reader);
  REQUIRE(reader->wait_end());
  CHECK(is_terminal(reader->events().back().kind));
}

TEST_CASE("a runtime remembers no reader that has ended") {
  host program;
  auto runtime = program.start();
  auto token = std::make_shared<int>();
  std::weak_ptr<int> alive = token;
  wait_for(program.ask(*runtime, story(*runtime), [token](host_reader&, const response_event&) {}));
  token.reset();
  // The down message is on its way; an answer later it has arrived.
  for (int i = 0; i < 50 && !alive.expired(); ++i)
    wait_for(program.ask(*runtime, [&] {
      auto small = story(*runtime);
      small.max_tokens = 1;
      return small;
    }()));
  CHECK(alive.expired());
}

TEST_CASE("a host's settings meet the bounds that a file's would") {
  host program;
  auto configuration = test_settings();
  configuration.max_batch_size = -1;
  auto refused = embedded_runtime::start(program.system, configuration);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("engine.max_batch_size") != std::string::npos);
  configuration = test_settings();
  configuration.model_path.clear();
  refused = embedded_runtime::start(program.system, configuration);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("model.path") != std::string::npos);
  configuration.model_path = "/nonexistent.gguf";
  CHECK_FALSE(embedded_runtime::start(program.system, configuration));
  CHECK(program.goes_on());
}

TEST_CASE("the scheduler that a host needs") {
  CHECK(shares_scheduler(runtime_config(1)));
  caf::actor_system_config plain;
  CHECK_FALSE(shares_scheduler(plain));
  share_scheduler(plain, 3);
  CHECK(shares_scheduler(plain));
  CHECK(caf::get_or(plain, "scheduler.max-threads", size_t{0}) == 3);
}
