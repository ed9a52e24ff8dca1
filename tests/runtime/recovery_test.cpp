#include "runtime/actor_tree.hpp"
#include "tests/runtime/answer_collector.hpp"
#include "tests/runtime/test_node.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;

namespace {

constexpr size_t streams = 8;

using answers = std::vector<std::vector<response_event>>;

/// Eight sampled answers of 60 tokens at once. `disturb` is called when the first has some events.
template <class Disturb>
answers run_streams(test_node& node, Disturb disturb) {
  std::vector<std::shared_ptr<answer_collector>> readers;
  for (size_t i = 0; i < streams; ++i) {
    generation_request request;
    request.response_id = "resp_" + std::to_string(i);
    request.messages = {{"user", "Tell me story number " + std::to_string(i) + "."}};
    request.max_tokens = 60;
    request.seed = 1000 + i;
    readers.push_back(std::make_shared<answer_collector>(node.door()));
    node.door().submit(std::move(request), readers.back());
  }
  REQUIRE(readers.front()->wait_events(12));
  disturb();
  answers out;
  for (auto& reader : readers) {
    REQUIRE(reader->wait_end());
    out.push_back(reader->events());
  }
  return out;
}

void check_same(const answers& got, const answers& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    REQUIRE(got[i].size() == expected[i].size());
    for (size_t n = 0; n < got[i].size(); ++n) {
      CHECK(got[i][n].sequence_number == static_cast<int64_t>(n));
      CHECK(got[i][n].kind == expected[i][n].kind);
      CHECK(got[i][n].text == expected[i][n].text);
      CHECK(got[i][n].output_tokens == expected[i][n].output_tokens);
    }
  }
}

} // namespace

TEST_CASE("killing or crashing any part of an engine changes no byte of any stream") {
  test_node node;
  const auto undisturbed = run_streams(node, [] {});
  double restarts = 0;
  for (auto part : {engine_part::executor, engine_part::batcher, engine_part::page_manager}) {
    for (auto kind : {fault_kind::kill, fault_kind::throw_error}) {
      CAPTURE(static_cast<int>(part), static_cast<int>(kind));
      const auto disturbed = run_streams(node, [&] { node.door().inject({part, kind}); });
      check_same(disturbed, undisturbed);
      ++restarts;
      CHECK(node.restarts() == restarts);
      CHECK(node.numbers.engine_epoch.Value() == restarts + 1);
    }
  }
}

TEST_CASE(
    "more crashes than the intensity allows: typed errors, no storm, and the node says it is not ready") {
  settings configuration = test_settings();
  configuration.restart_intensity = 2;
  configuration.restart_period_ms = 60'000;
  test_node node(configuration);
  auto reader = std::make_shared<answer_collector>(node.door());
  generation_request request;
  request.response_id = "resp_1";
  request.prompt = "1 2 3 4 5 6 7 8 9 10 11 12"; // no chat, no end
  request.sampling.temperature = 0;
  request.max_tokens = 4000;
  node.door().submit(request, reader);
  REQUIRE(reader->wait_events(6));
  for (int crash = 1; crash <= 3; ++crash) {
    node.door().inject({engine_part::batcher, fault_kind::throw_error});
    if (crash < 3)
      REQUIRE(reader->wait_events(reader->events().size() + 5)); // it goes on
  }
  REQUIRE(reader->wait_end());
  CHECK(reader->events().back().kind == event_kind::failed);
  CHECK(reader->events().back().error == request_error::engine_failed);
  CHECK_FALSE(node.door().status().ready);
  CHECK(node.numbers.engine_epoch.Value() == 3);
  auto second = std::make_shared<answer_collector>(node.door());
  request.response_id = "resp_2";
  node.door().submit(request, second);
  REQUIRE(second->wait_end());
  REQUIRE(second->rejected());
  CHECK(second->rejected()->code == request_error::not_ready);
}
