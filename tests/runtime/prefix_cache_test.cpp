#include "tests/runtime/answer_collector.hpp"
#include "tests/runtime/test_node.hpp"

#include <string>

using namespace troupe;

namespace {

/// A prompt of so many tokens, then a question.
generation_request sea(int32_t tokens, const std::string& question, int32_t max_tokens = 12) {
  generation_request request;
  static int number = 0;
  request.response_id = "resp_" + std::to_string(++number);
  for (int32_t i = 0; i < tokens; ++i)
    request.prompt += " sea";
  request.prompt += question;
  request.seed = 5;
  request.max_tokens = max_tokens;
  return request;
}

std::vector<std::vector<response_event>> ask(test_node& node, std::vector<generation_request> requests) {
  std::vector<std::shared_ptr<answer_collector>> readers;
  for (auto& request : requests) {
    readers.push_back(std::make_shared<answer_collector>(node.door()));
    node.door().submit(std::move(request), readers.back());
  }
  std::vector<std::vector<response_event>> out;
  for (auto& reader : readers) {
    REQUIRE(reader->wait_end());
    REQUIRE_FALSE(reader->rejected());
    out.push_back(reader->events());
  }
  return out;
}

std::vector<response_event> ask(test_node& node, generation_request request) {
  return ask(node, std::vector{std::move(request)}).front();
}

/// Every byte but the number of cached tokens.
void check_same(const std::vector<response_event>& got, const std::vector<response_event>& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t n = 0; n < got.size(); ++n) {
    CHECK(got[n].sequence_number == static_cast<int64_t>(n));
    CHECK(got[n].kind == expected[n].kind);
    CHECK(got[n].text == expected[n].text);
    CHECK(got[n].prompt_tokens == expected[n].prompt_tokens);
    CHECK(got[n].output_tokens == expected[n].output_tokens);
  }
}

settings without_cache() {
  auto configuration = test_settings();
  configuration.prefix_cache = false;
  return configuration;
}

} // namespace

TEST_CASE("a shared prefix of 1,000 tokens is computed once, and no byte of an answer changes") {
  test_node node, plain(without_cache());
  ask(node, sea(1010, " first", 1));
  for (int32_t shared : {1007, 1008, 1009}) {
    CAPTURE(shared);
    const auto question = " What is written " + std::to_string(shared) + " times?";
    const auto fast = ask(node, sea(shared, question)), slow = ask(plain, sea(shared, question));
    check_same(fast, slow);
    CHECK(slow.back().cached_tokens == 0);
    CHECK(fast.back().cached_tokens == shared / 16 * 16);
  }
  CHECK(node.numbers.prefix_cache_hits_total.Value() == 1007 / 16 * 16 + 2 * 1008);
  auto other = sea(1008, " first", 1);
  other.tenant = "somebody else";
  CHECK(ask(node, other).back().cached_tokens == 0);
}

TEST_CASE("a follow-up turn, and samples that start together, share what was computed") {
  test_node node, plain(without_cache());
  std::vector<generation_request> samples;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    samples.push_back(sea(320, " Tell me a story.", 40));
    samples.back().seed = seed;
  }
  samples[0].sampling.temperature =
      0; // ordinary words: as a part of the next prompt they are the same tokens
  const auto fast = ask(node, samples), slow = ask(plain, samples);
  for (size_t i = 0; i < samples.size(); ++i)
    check_same(fast[i], slow[i]);
  CHECK(fast[1].back().cached_tokens == 320);
  CHECK(fast[2].back().cached_tokens == 320);

  generation_request next;
  next.response_id = "resp_next";
  next.prompt = samples[0].prompt + fast[0].back().text + " And then?";
  next.seed = 1;
  next.max_tokens = 10;
  const auto turn = ask(node, next);
  check_same(turn, ask(plain, next));
  CHECK(turn.back().cached_tokens >= 336); // some of the answer's pages too
}

TEST_CASE("a sequence that gave way to others, and came back, says the same") {
  auto narrow = test_settings();
  narrow.kv_cache_mib = 24; // about 1,000 tokens
  narrow.max_model_len = 400;
  test_node node(narrow), wide;
  std::vector<generation_request> requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(sea(100 + i, " Number " + std::to_string(i), 200));
    requests.back().sampling.temperature = 1;
    requests.back().priority = i % 2;
  }
  const auto crowded = ask(node, requests);
  CHECK(node.numbers.num_preemptions_total.Value() > 0);
  for (size_t i = 0; i < requests.size(); i += 2) // two of them are enough to compare, and quicker
    check_same(crowded[i], ask(wide, requests[i]));
}
