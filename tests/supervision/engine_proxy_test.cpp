// The front's side of an engine in a process of its own, over processes that are shell scripts: what they say
// was encoded here.
#include "supervision/engine_proxy.hpp"

#include "supervision/engine_wire.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

using namespace troupe;

namespace {

constexpr uint64_t known_class = 0xABC;
constexpr auto patience = std::chrono::seconds(20);

/// Shell that says these messages on the link.
std::string says(const std::vector<from_engine>& messages) {
  std::string octal;
  const auto add = [&](char byte) { octal += fmt::format("\\{:03o}", static_cast<uint8_t>(byte)); };
  for (const auto& each : messages) {
    const auto bytes = encode(each);
    for (int shift = 0; shift < 32; shift += 8)
      add(static_cast<char>(bytes.size() >> shift));
    for (char byte : bytes)
      add(byte);
  }
  return fmt::format("printf '{}' >&3; ", octal);
}

engine_loaded loaded(uint64_t numeric_class = known_class) {
  return {.context_tokens = 1,
          .pages = 1,
          .numeric_class = numeric_class,
          .weight_bytes = 1,
          .window_positions = 0,
          .window_sinks = 0};
}

std::string comes_up(epoch_number epoch) {
  return says({loaded(), engine_up{epoch, {}}});
}

constexpr const char* lives_on = "exec sleep 1000";

/// What the ledger would hear.
struct reports {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<engine_up> ups;
  std::vector<step_result> results;

  std::vector<engine_up> wait_for_ups(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, patience, [&] { return ups.size() >= count; });
    return ups;
  }
};

class listening final : public report_actor::base {
public:
  listening(caf::actor_config& config, reports* into) : report_actor::base(config), into_(into) {}

  behavior_type make_behavior() override {
    return {[this](const step_result& result) {
              const std::scoped_lock lock(into_->mutex);
              into_->results.push_back(result);
              into_->changed.notify_all();
            },
            [this](const engine_up& up, const engine_actor&) {
              const std::scoped_lock lock(into_->mutex);
              into_->ups.push_back(up);
              into_->changed.notify_all();
            }};
  }

private:
  reports* into_;
};

/// A proxy whose n-th process runs the n-th script, and those after the last one the last.
struct world {
  explicit world(std::vector<std::string> wanted, restart_intensity intensity = {3, 60'000},
                 engine_watch_limits watch = {}, std::string shell = "/bin/sh")
      : scripts(std::move(wanted)) {
    program.path = std::move(shell);
    program.settings_file = std::make_shared<const shared_memory>(*shared_memory::create(16));
    auto memory = shared_memory::create(step_record::bytes());
    program.step_memory = std::make_shared<const shared_memory>(std::move(*memory));
    proxy = system.spawn<engine_proxy>(
        engine_proxy_options{
            .start =
                [this](uint64_t life, const engine_setup& setup) {
                  last_epochs.push_back(setup.last_epoch);
                  auto mine = program;
                  mine.arguments = {"-c", scripts[std::min<size_t>(life, scripts.size()) - 1]};
                  ++starts;
                  return std::make_unique<engine_process>(mine, life, setup);
                },
            .record = record,
            .numeric_class = known_class,
            .watch = watch,
            .intensity = intensity,
            .epochs = std::make_shared<epoch_source>(0),
            .clock = &system_clock()},
        system.spawn<listening>(&heard), numbers);
  }

  ~world() {
    caf::anon_send_exit(proxy, caf::exit_reason::kill);
    wait_for_end();
  }

  /// The proxy's reason to end; absent: it lives.
  bool wait_for_end() {
    caf::scoped_actor self(system);
    bool ended = false;
    self->monitor(proxy);
    self->receive([&](const caf::down_msg&) { ended = true; }, caf::after(patience) >> [] {});
    return ended;
  }

  std::vector<std::string> scripts;
  engine_program program;
  reports heard;
  std::shared_ptr<step_record> record = std::make_shared<step_record>();
  std::vector<epoch_number> last_epochs;
  std::atomic<int> starts{0};
  metrics numbers{"test"};
  caf::actor_system_config config;
  caf::actor_system system{config};
  engine_actor proxy;
};

} // namespace

TEST_CASE("an engine's process that dies is started again under a later epoch") {
  world all({comes_up(1) + "kill -KILL $$", comes_up(2) + lives_on});
  const auto ups = all.heard.wait_for_ups(2);
  REQUIRE(ups.size() == 2);
  CHECK(ups[0].epoch == 1);
  CHECK(ups[1].epoch == 2);
  CHECK(all.last_epochs == std::vector<epoch_number>{0, 1});
  CHECK(all.numbers.actor_restarts_total.of("engine_process").Value() == 1);
  CHECK(all.numbers.engine_epoch.Value() == 2);
}

TEST_CASE("a crash makes suspects of what its step held, a kill from outside does not") {
  const auto [end, fatal] = GENERATE(table<std::string, std::vector<sequence_id>>(
      {{"kill -SEGV $$", {7, 8}}, {"exit 1", {7, 8}}, {"kill -KILL $$", {}}, {"kill -TERM $$", {}}}));
  INFO(end);
  world all({"read go <&3; " + end, comes_up(1) + lives_on});
  all.record->begin({7, 8}, system_clock().now());
  caf::anon_send(caf::actor_cast<caf::actor>(all.proxy),
                 inject_fault{engine_part::batcher, fault_kind::kill, '\n'});
  const auto ups = all.heard.wait_for_ups(1);
  REQUIRE(ups.size() == 1);
  CHECK(ups[0].fatal_step == fatal);
  CHECK_FALSE(all.record->running_since());
}

TEST_CASE("a process that says nothing is ended and started again") {
  world all({comes_up(1) + "kill -STOP $$", comes_up(2) + lives_on}, {3, 60'000},
            {.tick = milliseconds(10), .silence = milliseconds(200)});
  all.record->begin({7}, system_clock().now());
  const auto ups = all.heard.wait_for_ups(2);
  REQUIRE(ups.size() >= 2);
  CHECK(ups[1].fatal_step.empty()); // all of it stood still: no step's doing
}

TEST_CASE("a step past its deadline ends its process, and is fatal") {
  world all({comes_up(1) + lives_on, comes_up(2) + lives_on}, {3, 60'000},
            {.tick = milliseconds(10), .step_deadline = milliseconds(100)});
  REQUIRE(all.heard.wait_for_ups(1).size() == 1);
  all.record->begin({7}, system_clock().now());
  const auto ups = all.heard.wait_for_ups(2);
  REQUIRE(ups.size() == 2);
  CHECK(ups[1].fatal_step == std::vector<sequence_id>{7});
}

TEST_CASE("it gives up past its intensity, and starts nothing more") {
  world all({"exit 1"}, {3, 60'000});
  CHECK(all.wait_for_end());
  CHECK(all.starts == 4);
}

TEST_CASE("it gives up with an engine that gave up") {
  world all({comes_up(1) + says({engine_gave_up{}}) + "exit 0"});
  CHECK(all.wait_for_end());
  CHECK(all.starts == 1);
}

TEST_CASE("weights that changed are not taken") {
  world all({comes_up(1) + "exit 1", says({loaded(known_class + 1), engine_up{2, {}}}) + lives_on});
  CHECK(all.wait_for_end());
  CHECK(all.heard.wait_for_ups(1).size() == 1);
}

TEST_CASE("a program that cannot be started is no storm") {
  world all({""}, {2, 60'000}, {}, "/nowhere");
  CHECK(all.wait_for_end());
  CHECK(all.starts == 3);
}

TEST_CASE("nonsense on the link ends the process") {
  world all({"printf '\\001\\000\\000\\000\\377' >&3; " + std::string(lives_on), comes_up(1) + lives_on});
  CHECK(all.heard.wait_for_ups(1).size() == 1);
  CHECK(all.starts == 2);
}

TEST_CASE("a poison outlives the process") {
  // The second life has to hear of it again before anything else: setup takes 13 bytes, the fault 15.
  world all({comes_up(1) + "head -c 28 <&3 >/dev/null; exit 1",
             comes_up(2) + "head -c 28 <&3 >/dev/null; " + says({engine_pong{}, step_result{}}) + lives_on},
            {3, 60'000}, {.tick = milliseconds(100'000)});
  REQUIRE(all.heard.wait_for_ups(1).size() == 1);
  caf::anon_send(caf::actor_cast<caf::actor>(all.proxy),
                 inject_fault{engine_part::engine, fault_kind::poison, 5});
  REQUIRE(all.heard.wait_for_ups(2).size() == 2);
  std::unique_lock lock(all.heard.mutex);
  CHECK(all.heard.changed.wait_for(lock, patience, [&] { return all.heard.results.size() == 1; }));
}

TEST_CASE("what an engine counts in its process is counted here, across its lives") {
  metrics elsewhere("test");
  elsewhere.num_preemptions_total.Increment(2);
  elsewhere.batch_size.Observe(3);
  elsewhere.num_requests_running.Set(5);
  const auto counts = elsewhere.engine_counts();
  world all({comes_up(1) + says({engine_counts{counts}, engine_counts{counts}}) + "exit 1",
             says({loaded(), engine_counts{counts}, engine_up{2, {}}}) + lives_on});
  REQUIRE(all.heard.wait_for_ups(2).size() == 2);
  CHECK(all.numbers.num_preemptions_total.Value() == 4);
  CHECK(all.numbers.batch_size.Collect().histogram.sample_count == 2);
  CHECK(all.numbers.num_requests_running.Value() == 5);
}
