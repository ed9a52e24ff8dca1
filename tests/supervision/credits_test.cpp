// Each edge of actors/interfaces.hpp is flooded, and shows its cap. The edge from a door to intake is in
// tests/net/bridge_credits_test.cpp.
#include "actors/batcher.hpp"
#include "actors/health_monitor.hpp"
#include "base/page_size.hpp"
#include "supervision/ledger_keeper.hpp"
#include "tests/supervision/virtual_system.hpp"

#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>
#include <catch2/catch.hpp>

#include <deque>
#include <map>

using namespace troupe;
using troupe::test::virtual_system;

namespace {

constexpr int flood = 1000;

/// Takes plans, and answers one when the test says so (by inject_fault, since a promise must be kept inside
/// its actor): every row that samples gets a token.
class slow_executor final : public executor_actor::base {
public:
  struct log {
    std::deque<std::pair<step_plan, caf::typed_response_promise<step_result>>> waiting;
    int plans = 0;
  };
  slow_executor(caf::actor_config& config, log* seen) : executor_actor::base(config), seen_(seen) {}

  behavior_type make_behavior() override {
    return {[this](step_plan& plan) {
              auto promise = make_response_promise<step_result>();
              ++seen_->plans;
              seen_->waiting.emplace_back(std::move(plan), promise);
              return promise;
            },
            [this](const inject_fault&) { finish_step(); }};
  }

private:
  void finish_step() {
    auto [plan, promise] = std::move(seen_->waiting.front());
    seen_->waiting.pop_front();
    step_result out{
        .epoch = 1, .step = plan.step, .tokens = {}, .computed_tokens = 1, .step_us = 100, .idle_us = 0};
    for (const auto& row : plan.rows)
      if (row.sample && row.id != 0)
        out.tokens.push_back({row.id, answered_[row.id]++, 7, finish_reason::none});
    promise.deliver(std::move(out));
  }

  log* seen_;
  std::map<sequence_id, int32_t> answered_;
};

/// Takes requests for pages, and grants one when the test says so.
class slow_pages final : public page_manager_actor::base {
public:
  struct log {
    std::deque<std::pair<page_request, caf::typed_response_promise<page_grants>>> waiting;
    int requests = 0;
  };
  slow_pages(caf::actor_config& config, log* seen) : page_manager_actor::base(config), seen_(seen) {}

  behavior_type make_behavior() override {
    return {[this](page_request& wanted) {
              auto promise = make_response_promise<page_grants>();
              ++seen_->requests;
              seen_->waiting.emplace_back(std::move(wanted), promise);
              return promise;
            },
            [](const fetched_page&) {}, [](tick) {}, [this](const inject_fault&) { grant(); }};
  }

private:
  void grant() {
    auto [wanted, promise] = std::move(seen_->waiting.front());
    seen_->waiting.pop_front();
    page_grants out;
    for (const auto& need : wanted.needs) {
      auto& held = held_[need.id];
      page_grant given{need.id, true, {}};
      for (; held < pages_of(need.tokens); ++held)
        given.pages.push_back(next_page_++);
      out.grants.push_back(std::move(given));
    }
    out.free_pages = out.total_pages = 1 << 20;
    promise.deliver(std::move(out));
  }

  log* seen_;
  std::map<sequence_id, int32_t> held_;
  page_id next_page_ = 1;
};

/// An engine that answers nothing.
class deaf_engine final : public engine_actor::base {
public:
  struct log {
    std::vector<dispatch_sequence> dispatches;
    int cancels = 0, acks = 0, probes = 0;
    std::deque<caf::typed_response_promise<health_report>> waiting;
  };
  deaf_engine(caf::actor_config& config, log* seen) : engine_actor::base(config), seen_(seen) {}

  behavior_type make_behavior() override {
    return {[this](dispatch_sequence& one) { seen_->dispatches.push_back(std::move(one)); },
            [this](const cancel_sequence&) { ++seen_->cancels; },
            [this](const step_ack&) { ++seen_->acks; },
            [this](const health_probe&) {
              auto promise = make_response_promise<health_report>();
              ++seen_->probes;
              seen_->waiting.push_back(promise);
              return promise;
            },
            [](const inject_fault&) {},
            [](tick) {}};
  }

private:
  log* seen_;
};

class silent_reader final : public subscriber_actor::base {
public:
  struct log {
    std::vector<response_event> events;
  };
  silent_reader(caf::actor_config& config, log* seen) : subscriber_actor::base(config), seen_(seen) {}

  behavior_type make_behavior() override {
    return {[this](event_batch& batch) {
              for (auto& event : batch.events)
                seen_->events.push_back(std::move(event));
            },
            [](ledger_lost) {}};
  }

private:
  log* seen_;
};

dispatch_sequence sequence_of(sequence_id id) {
  dispatch_sequence out;
  out.epoch = 1;
  out.id = id;
  out.spec.prompt = {1, 2, 3};
  out.spec.max_tokens = 100'000;
  return out;
}

/// A batcher between an executor and a page manager that answer when they are told to.
struct batcher_world {
  virtual_system actors;
  metrics numbers{"test"};
  slow_executor::log steps;
  slow_pages::log pages;
  executor_actor executor = actors.system.spawn<slow_executor>(&steps);
  page_manager_actor page_manager = actors.system.spawn<slow_pages>(&pages);
  manual_clock clock;
  batcher_actor under_test =
      actors.system.spawn<batcher>(batcher_options{}, executor, page_manager, clock, numbers);

  ~batcher_world() {
    steps.waiting.clear();
    pages.waiting.clear();
    caf::anon_send_exit(under_test, caf::exit_reason::kill);
    caf::anon_send_exit(executor, caf::exit_reason::kill);
    caf::anon_send_exit(page_manager, caf::exit_reason::kill);
    actors.run();
  }

  void grant() {
    caf::anon_send(page_manager, inject_fault{});
    actors.run();
  }

  void finish_step() {
    caf::anon_send(executor, inject_fault{});
    actors.run();
  }
};

struct ledger_of_one {
  virtual_system actors;
  metrics numbers{"test"};
  manual_clock clock;
  silent_reader::log read;
  deaf_engine::log engine_log;
  subscriber_actor reader = actors.system.spawn<silent_reader>(&read);
  engine_actor engine = actors.system.spawn<deaf_engine>(&engine_log);
  ledger_actor under_test;

  explicit ledger_of_one(ledger_limits limits) {
    make_text_decoder decoder = [] {
      return [](std::optional<token_id> token) { return token ? std::string(10, 'x') : std::string(); };
    };
    under_test = actors.system.spawn<ledger_keeper>(limits, decoder, clock, numbers);
    caf::anon_send(under_test, engine_up{1, {}}, engine);
    actors.run();
  }

  ~ledger_of_one() {
    for (auto& each : {caf::actor_cast<caf::actor>(under_test), caf::actor_cast<caf::actor>(reader),
                       caf::actor_cast<caf::actor>(engine)})
      caf::anon_send_exit(each, caf::exit_reason::kill);
    actors.run();
  }

  void open(const std::string& id) {
    open_entry entry;
    entry.response_id = id;
    entry.spec.prompt = {1};
    entry.spec.max_tokens = 1 << 20;
    entry.timeout_ms = 1 << 20;
    caf::anon_send(under_test, std::move(entry), reader);
    actors.run();
  }

  void token(int32_t position) {
    caf::anon_send(under_test, step_result{.epoch = 1,
                                           .step = static_cast<uint64_t>(position) + 1,
                                           .tokens = {{1, position, 5, finish_reason::none}},
                                           .computed_tokens = 1,
                                           .step_us = 1,
                                           .idle_us = 0});
    actors.run();
  }
};

} // namespace

TEST_CASE("credit: batcher to executor and to page manager, one in flight each, whatever comes in",
          "[credits]") {
  batcher_world world;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < flood / 50; ++i) {
      caf::anon_send(world.under_test, sequence_of(static_cast<sequence_id>(round * 100 + i + 1)));
      caf::anon_send(world.under_test, cancel_sequence{1, 1'000'000 + static_cast<sequence_id>(i)});
      caf::anon_send(world.under_test, batch_timer{static_cast<uint64_t>(i)});
      caf::anon_send(world.under_test, health_probe{});
      caf::anon_send(world.under_test, step_ack{1, static_cast<uint64_t>(world.steps.plans)});
    }
    world.actors.run();
    CHECK(world.pages.waiting.size() <= 1);
    CHECK(world.steps.waiting.size() <= 1);
    if (!world.pages.waiting.empty())
      world.grant();
    CHECK(world.steps.waiting.size() <= 1);
    if (!world.steps.waiting.empty())
      world.finish_step();
    CHECK(world.pages.waiting.size() <= 1);
    CHECK(world.steps.waiting.size() <= 1);
  }
  CHECK(world.steps.plans > 20); // it did go on
  CHECK(world.pages.requests > 10);
}

TEST_CASE("credit: executor to ledger, two steps with tokens; without an acknowledgement the engine stalls",
          "[credits]") {
  batcher_world world;
  caf::anon_send(world.under_test, sequence_of(1));
  world.actors.run();
  const auto go_on = [&] {
    for (int i = 0; i < flood; ++i) {
      if (!world.pages.waiting.empty())
        world.grant();
      if (!world.steps.waiting.empty())
        world.finish_step();
      caf::anon_send(world.under_test, health_probe{});
      caf::anon_send(world.under_test, batch_timer{static_cast<uint64_t>(i)});
      world.actors.run();
    }
  };
  go_on();
  CHECK(world.steps.plans == 2);
  caf::anon_send(world.under_test, step_ack{1, 1});
  world.actors.run();
  go_on();
  CHECK(world.steps.plans == 3);
  for (int i = 0; i < flood; ++i)
    caf::anon_send(world.under_test, step_ack{1, 2}); // again and again is no more credit
  world.actors.run();
  go_on();
  CHECK(world.steps.plans == 4);
}

TEST_CASE("credit: health monitor to engine, one probe in flight", "[credits]") {
  virtual_system actors;
  metrics numbers("test");
  deaf_engine::log seen;
  auto engine = actors.system.spawn<deaf_engine>(&seen);
  auto monitor = actors.system.spawn<health_monitor>(engine, std::make_shared<node_health>(),
                                                     milliseconds(1000), system_clock(), numbers);
  actors.run();
  for (int i = 0; i < flood; ++i)
    actors.advance(milliseconds(100));
  // Given up after a second, sent again a tenth later: never two at a time.
  CHECK(seen.probes <= 100'000 / 1'100 + 2);
  CHECK(seen.probes >= 100'000 / 1'400);
  seen.waiting.clear();
  caf::anon_send_exit(monitor, caf::exit_reason::kill);
  caf::anon_send_exit(engine, caf::exit_reason::kill);
  actors.run();
}

TEST_CASE("credit: ledger to subscriber, unsent_bytes_max that it has not acknowledged", "[credits]") {
  constexpr int64_t bytes_max = 10'000;
  constexpr int64_t event_bytes = 256 + 10;
  ledger_of_one world({.entries_max = 4, .unsent_bytes_max = bytes_max});
  world.open("r");
  for (int i = 0; i < flood; ++i)
    world.token(i);
  CHECK(static_cast<int64_t>(world.read.events.size()) * event_bytes <= bytes_max + 5 * event_bytes);
  CHECK(world.engine_log.acks == flood); // the engine is not held up by one slow reader
  for (int i = 0; i < flood && world.read.events.size() < flood + 4; ++i) {
    const auto before = world.read.events.size();
    const auto last = world.read.events.back().sequence_number;
    for (int again = 0; again < 3; ++again) // the same confirmation again is no more credit
      caf::anon_send(world.under_test, acknowledge_events{"r", last});
    caf::anon_send(world.under_test,
                   acknowledge_events{"r", last + 1'000'000}); // nor one of what was not sent
    world.actors.run();
    CHECK(static_cast<int64_t>(world.read.events.size() - before) * event_bytes <=
          2 * bytes_max + 5 * event_bytes);
  }
  REQUIRE(world.read.events.size() == flood + 4);
  for (size_t i = 0; i < world.read.events.size(); ++i)
    CHECK(world.read.events[i].sequence_number == static_cast<int64_t>(i));
}

TEST_CASE("credit: intake to ledger and ledger to engine, entries_max; one cancellation an entry",
          "[credits]") {
  ledger_of_one world({.entries_max = 4});
  for (int i = 0; i < flood; ++i)
    world.open("r" + std::to_string(i));
  CHECK(world.engine_log.dispatches.size() == 4);
  CHECK(world.numbers.requests_rejected_total.of("too_many_requests").Value() == flood - 4);
  CHECK(world.numbers.ledger_entries.Value() == 4);
  for (int i = 0; i < flood; ++i) {
    caf::anon_send(world.under_test, cancel_response{"r1"});
    caf::anon_send(world.under_test, detach_reader{"r1"});
  }
  world.actors.run();
  CHECK(world.engine_log.cancels == 1);
  for (int i = 0; i < 100; ++i) // a restart storm sends each entry once a life
    caf::anon_send(world.under_test, engine_up{static_cast<epoch_number>(2 + i), {}}, world.engine);
  world.actors.run();
  CHECK(world.engine_log.dispatches.size() == 4 + 100 * 3);
}
