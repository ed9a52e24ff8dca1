#include "tests/runtime/answer_collector.hpp"
#include "tests/runtime/test_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

std::string text_of(const std::vector<response_event>& events) {
  return events.back().text;
}

} // namespace

TEST_CASE("a question is answered, alone and in company, with the same words") {
  test_node node;
  auto alone = std::make_shared<answer_collector>(node.door());
  node.door().submit(question("resp_alone"), alone);
  REQUIRE(alone->wait_end());
  CHECK(text_of(alone->events()).find("Paris") != std::string::npos);
  CHECK(alone->events().back().kind == event_kind::completed);

  std::vector<std::shared_ptr<answer_collector>> company;
  for (int i = 0; i < 12; ++i) {
    company.push_back(std::make_shared<answer_collector>(node.door()));
    auto request = question("resp_" + std::to_string(i));
    if (i % 2 == 1)
      request.messages[0].content = "Write " + std::to_string(i) + " words about the sea, please.";
    node.door().submit(request, company.back());
  }
  for (size_t i = 0; i < company.size(); ++i) {
    REQUIRE(company[i]->wait_end());
    if (i % 2 == 0)
      CHECK(text_of(company[i]->events()) == text_of(alone->events()));
  }
}

TEST_CASE("requests that cannot run are refused with a reason") {
  test_node node;
  const auto refused = [&](generation_request request) {
    auto reader = std::make_shared<answer_collector>(node.door());
    node.door().submit(std::move(request), reader);
    REQUIRE(reader->wait_end());
    REQUIRE(reader->rejected());
    return *reader->rejected();
  };
  auto request = question("resp_1");
  request.model = "gpt-9";
  CHECK(refused(request).code == request_error::model_not_found);
  request = question("resp_2");
  request.max_tokens = 8192;
  CHECK(refused(request).code == request_error::context_length_exceeded);
  request = question("resp_3");
  request.max_tokens = 0;
  CHECK(refused(request).param == "max_tokens");
  request = question("resp_4");
  request.sampling.temperature = -1;
  CHECK(refused(request).code == request_error::invalid_value);
  request = question("resp_5");
  request.messages.clear();
  CHECK(refused(request).code == request_error::invalid_value);
  request = question("resp_6");
  request.timeout_ms = 0;
  CHECK(refused(request).param == "timeout_ms");
}

TEST_CASE("a cancelled answer ends and its pages come back") {
  test_node node;
  auto request = question("resp_1");
  request.messages[0].content = "Count to a thousand.";
  request.max_tokens = 2000;
  auto reader = std::make_shared<answer_collector>(node.door());
  node.door().submit(request, reader);
  REQUIRE(reader->wait_events(8));
  node.door().cancel("resp_1");
  // A second request shows that pages and the ledger's place are free.
  auto next = std::make_shared<answer_collector>(node.door());
  node.door().submit(question("resp_2"), next);
  REQUIRE(next->wait_end());
  CHECK_FALSE(next->rejected());
  CHECK(node.numbers.ledger_entries.Value() == 0);
}

TEST_CASE("a deadline ends a request that is too slow") {
  test_node node;
  auto request = question("resp_1");
  request.messages.clear();
  request.prompt = "1 2 3 4 5 6 7 8 9 10 11 12"; // no chat, no end
  request.max_tokens = 4000;
  request.timeout_ms = 300;
  auto reader = std::make_shared<answer_collector>(node.door());
  node.door().submit(request, reader);
  REQUIRE(reader->wait_end());
  REQUIRE_FALSE(reader->rejected());
  CHECK(reader->events().back().error == request_error::deadline_exceeded);
}

TEST_CASE("a node that ends as soon as it began leaves nobody behind") {
  for (int i = 0; i < 20; ++i)
    test_node node;
}

TEST_CASE("a request that is cancelled on its way to the ledger does not run") {
  test_node node;
  for (int i = 0; i < 20; ++i) {
    auto request = question("resp_" + std::to_string(i));
    request.messages.clear();
    request.prompt = "1 2 3 4 5 6 7 8 9 10 11 12";
    request.max_tokens = 3000;
    const auto id = request.response_id;
    node.door().submit(std::move(request), std::make_shared<answer_collector>(node.door()));
    node.door().cancel(id);
  }
  auto last = std::make_shared<answer_collector>(node.door());
  node.door().submit(question("resp_last"), last);
  REQUIRE(last->wait_end());
  CHECK(last->events().back().kind == event_kind::completed);
  CHECK(node.numbers.ledger_entries.Value() == 0);
}

TEST_CASE("a drain that runs out of time ends every stream with a typed error") {
  test_node node;
  auto request = question("resp_1");
  request.messages.clear();
  request.prompt = "1 2 3 4 5 6 7 8 9 10 11 12";
  request.max_tokens = 4000;
  auto reader = std::make_shared<answer_collector>(node.door());
  node.door().submit(std::move(request), reader);
  REQUIRE(reader->wait_events(8));
  node.tree->drain(100);
  REQUIRE(reader->wait_end());
  const auto events = reader->events();
  CHECK(events.back().kind == event_kind::failed);
  CHECK(events.back().error == request_error::not_ready);
  for (size_t n = 0; n < events.size(); ++n)
    CHECK(events[n].sequence_number == static_cast<int64_t>(n));
  auto late = std::make_shared<answer_collector>(node.door());
  node.door().submit(question("resp_2"), late);
  REQUIRE(late->wait_end());
  CHECK(late->rejected());
}

TEST_CASE("contexts that cannot be are refused at the start") {
  runtime_config config(1);
  caf::actor_system system(config);
  auto model = load_model(test_settings(), {});
  REQUIRE(model);
  metrics numbers("test");
  auto configuration = test_settings();
  configuration.kv_cache_mib = 1;
  CHECK_FALSE(actor_tree::start(system, configuration, *model, numbers, {}, system_clock()));
  configuration = test_settings();
  configuration.max_model_len = 100'000;
  CHECK_FALSE(actor_tree::start(system, configuration, *model, numbers, {}, system_clock()));
}
