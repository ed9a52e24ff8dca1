#include "tests/runtime/answer_collector.hpp"
#include "tests/runtime/test_node.hpp"

#include <catch2/catch.hpp>

#include <bit>

using namespace troupe;

namespace {

std::vector<response_event> answered(test_node& node, generation_request request) {
  auto reader = std::make_shared<answer_collector>(node.door());
  node.door().submit(std::move(request), reader);
  REQUIRE(reader->wait_end());
  REQUIRE_FALSE(reader->rejected());
  return reader->events();
}

std::string told(const std::vector<response_event>& events) {
  std::string out;
  for (const auto& event : events)
    if (event.kind == event_kind::output_text_delta)
      out += event.text;
  return out;
}

std::string bits_of(const std::vector<response_event>& events) {
  std::string out;
  for (const auto& event : events) {
    out += std::to_string(static_cast<int>(event.kind)) + event.text + std::to_string(event.output_tokens);
    if (event.logprobs)
      for (const auto& each : *event.logprobs) {
        out += each.chosen.bytes + std::to_string(std::bit_cast<uint32_t>(each.chosen.logprob));
        for (const auto& other : each.top)
          out += other.bytes + std::to_string(std::bit_cast<uint32_t>(other.logprob));
      }
    out += "\n";
  }
  return out;
}

} // namespace

TEST_CASE("an answer of the model ends before any part of it that is a stop string") {
  test_node node;
  const auto whole = told(answered(node, question("resp_whole")));
  REQUIRE(whole.size() > 20);
  int id = 0;
  for (size_t at = 0; at + 7 < whole.size(); at += 3) {
    auto request = question("resp_" + std::to_string(id++));
    request.stop = {"never in there", whole.substr(at, 7)};
    const auto events = answered(node, request);
    INFO(request.stop[1]);
    CHECK(told(events) == whole.substr(0, whole.find(request.stop[1])));
    CHECK(events.back().kind == event_kind::completed);
    CHECK(events.back().stopped_by == stop_reason(request.stop[1]));
  }
  CHECK(node.numbers.ledger_entries.Value() == 0);
}

TEST_CASE("the prompt and the answer have log probabilities, token by token") {
  test_node node;
  auto request = question("resp_1");
  request.messages.clear();
  request.prompt = "The capital of France is";
  request.max_tokens = 8;
  request.sampling.logprobs = 2;
  request.prompt_logprobs = 1;
  const auto events = answered(node, request);
  const auto joined = [](const logprob_list& list) {
    std::string out;
    for (const auto& each : *list)
      out += each.chosen.bytes;
    return out;
  };
  REQUIRE(events[2].logprobs);
  CHECK(joined(events[2].logprobs) == request.prompt);
  REQUIRE(events.back().logprobs);
  CHECK(joined(events.back().logprobs) == events.back().text);
  CHECK(told(events).find(" Paris") == 0);
  double sum = 0;
  for (const auto& each : *events.back().logprobs) {
    sum += static_cast<double>(each.chosen.logprob);
    CHECK(each.chosen.rank == 1); // greedy
    CHECK(each.top.at(0).token == each.chosen.token);
    CHECK(each.top.at(1).logprob <= each.chosen.logprob);
  }
  CHECK(events.back().cumulative_logprob == sum);
  // The same prompt again is in the prefix cache by now; a ranked one does without, and says the same.
  request.response_id = "resp_2";
  CHECK(bits_of(answered(node, request)) == bits_of(events));
}

TEST_CASE("a crash changes no log probability and no end by a stop string") {
  test_node node;
  const auto run = [&](bool disturb) {
    std::vector<std::shared_ptr<answer_collector>> readers;
    for (int i = 0; i < 4; ++i) {
      generation_request request;
      request.response_id = "resp_" + std::to_string(i);
      request.messages = {{"user", "Tell me story number " + std::to_string(i) + "."}};
      request.max_tokens = 40;
      request.seed = 1000 + static_cast<uint64_t>(i);
      request.stop = {".", " and"};
      request.sampling.min_tokens = 20;
      request.sampling.logprobs = 3;
      request.prompt_logprobs = 0;
      readers.push_back(std::make_shared<answer_collector>(node.door()));
      node.door().submit(std::move(request), readers.back());
    }
    REQUIRE(readers.front()->wait_events(8));
    if (disturb)
      node.door().inject({engine_part::executor, fault_kind::kill});
    std::vector<std::string> out;
    for (const auto& reader : readers) {
      REQUIRE(reader->wait_end());
      out.push_back(bits_of(reader->events()));
    }
    return out;
  };
  const auto undisturbed = run(false);
  CHECK(run(true) == undisturbed);
  CHECK(node.restarts() == 1);
}
