#include "supervision/engine_wire.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <random>
#include <set>
#include <vector>

using namespace troupe;

namespace {

constexpr float low = -std::numeric_limits<float>::infinity();

dispatch_sequence full_dispatch() {
  dispatch_sequence out;
  out.epoch = 7;
  out.id = 1ull << 40;
  out.spec.prompt = {1, 2, 3};
  out.spec.sampling = {.temperature = 0.5f,
                       .top_k = 3,
                       .top_p = 0.9f,
                       .min_p = 0.1f,
                       .repetition_penalty = 1.1f,
                       .presence_penalty = -1.0f,
                       .frequency_penalty = 2.0f,
                       .seed = ~0ull,
                       .choice = 4,
                       .min_tokens = 5,
                       .logprobs = 6,
                       .logit_bias = {{8, -100.0f}, {9, 100.0f}}};
  out.spec.max_tokens = 100;
  out.spec.end_tokens = {2};
  out.spec.stop_tokens = {3, 4};
  out.spec.prompt_logprobs = 0;
  out.spec.tenant = "tenant";
  out.spec.cache_salt = std::string("sa\0lt", 5);
  out.spec.priority = -100;
  out.emitted = {11, 12};
  out.group = 2;
  out.apart_tokens = std::numeric_limits<int32_t>::max();
  return out;
}

step_result full_result() {
  const auto logprobs = std::make_shared<const std::vector<token_logprobs>>(std::vector<token_logprobs>{
      {.chosen = {5, 1, -0.5f, {}}, .top = {{5, 1, -0.5f, {}}, {6, 2, low, {}}}}});
  step_result out{.epoch = 3, .step = 99, .tokens = {}, .computed_tokens = 12, .step_us = 3000, .idle_us = 4};
  out.tokens.push_back({.id = 1,
                        .position = 0,
                        .token = 5,
                        .finish = finish_reason::none,
                        .logprobs = logprobs,
                        .prompt_logprobs = logprobs,
                        .cached_tokens = 16});
  out.tokens.push_back({.id = 2, .position = 9, .token = 2, .finish = finish_reason::length});
  return out;
}

const std::vector<to_engine> commands{engine_setup{engine_wire_version, 5},
                                      full_dispatch(),
                                      cancel_sequence{1, 2},
                                      step_ack{3, 4},
                                      health_probe{},
                                      inject_fault{engine_part::engine, fault_kind::poison, 77},
                                      inject_fault{engine_part::engine, fault_kind::device, 0},
                                      engine_ping{},
                                      engine_stop{}};
const std::vector<from_engine> reports{engine_loading{1, 2}, engine_loaded{1, 2, 3, 4, 5, 6},
                                       engine_refused{"no"}, engine_up{4, {1, 2, 3}},
                                       full_result(),        health_report{5, 6},
                                       engine_pong{},        engine_counts{{1.5, 2.5}},
                                       engine_gave_up{}};

template <class Message>
size_t kinds_of(const std::vector<Message>& messages) {
  std::set<size_t> kinds;
  for (const auto& each : messages)
    kinds.insert(each.index());
  return kinds.size();
}

} // namespace

TEST_CASE("every message of the engine's wire comes back as it was") {
  for (const auto& each : commands) {
    const auto back = decode_to_engine(encode(each));
    REQUIRE(back);
    CHECK(back->index() == each.index());
    CHECK(encode(*back) == encode(each));
  }
  for (const auto& each : reports) {
    const auto back = decode_from_engine(encode(each));
    REQUIRE(back);
    CHECK(back->index() == each.index());
    CHECK(encode(*back) == encode(each));
  }
  CHECK(kinds_of(commands) == std::variant_size_v<to_engine>);
  CHECK(kinds_of(reports) == std::variant_size_v<from_engine>);
}

TEST_CASE("a dispatch keeps all that determines the answer") {
  const auto sent = full_dispatch();
  const auto back = std::get<dispatch_sequence>(*decode_to_engine(encode(to_engine(sent))));
  CHECK(back.epoch == sent.epoch);
  CHECK(back.id == sent.id);
  CHECK(back.emitted == sent.emitted);
  CHECK(back.group == sent.group);
  CHECK(back.apart_tokens == sent.apart_tokens);
  const auto &a = back.spec, &b = sent.spec;
  CHECK(a.prompt == b.prompt);
  CHECK(a.max_tokens == b.max_tokens);
  CHECK(a.end_tokens == b.end_tokens);
  CHECK(a.stop_tokens == b.stop_tokens);
  CHECK(a.prompt_logprobs == b.prompt_logprobs);
  CHECK(a.tenant == b.tenant);
  CHECK(a.cache_salt == b.cache_salt);
  CHECK(a.priority == b.priority);
  const auto &s = a.sampling, &t = b.sampling;
  CHECK(std::tie(s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.presence_penalty) ==
        std::tie(t.temperature, t.top_k, t.top_p, t.min_p, t.repetition_penalty, t.presence_penalty));
  CHECK(std::tie(s.frequency_penalty, s.seed, s.choice, s.min_tokens, s.logprobs) ==
        std::tie(t.frequency_penalty, t.seed, t.choice, t.min_tokens, t.logprobs));
  REQUIRE(s.logit_bias.size() == 2);
  CHECK(s.logit_bias[1].token == 9);
  CHECK(s.logit_bias[1].bias == 100.0f);
}

TEST_CASE("an infinite log probability arrives as one") {
  const auto back = std::get<step_result>(*decode_from_engine(encode(from_engine(full_result()))));
  REQUIRE(back.tokens.size() == 2);
  REQUIRE(back.tokens[0].logprobs);
  CHECK(back.tokens[0].logprobs->at(0).top.at(1).logprob == low);
  CHECK(back.tokens[0].prompt_logprobs->size() == 1);
  CHECK_FALSE(back.tokens[1].logprobs);
  CHECK(back.tokens[1].finish == finish_reason::length);
}

TEST_CASE("a message that is cut off, too long or unknown is none") {
  for (const auto& each : commands) {
    const auto bytes = encode(each);
    for (size_t length = 0; length < bytes.size(); ++length)
      CHECK_FALSE(decode_to_engine(std::string_view(bytes).substr(0, length)));
    CHECK_FALSE(decode_to_engine(bytes + '\0'));
  }
  for (const auto& each : reports) {
    const auto bytes = encode(each);
    for (size_t length = 0; length < bytes.size(); ++length)
      CHECK_FALSE(decode_from_engine(std::string_view(bytes).substr(0, length)));
  }
  CHECK_FALSE(decode_to_engine(std::string(1, static_cast<char>(std::variant_size_v<to_engine>))));
  CHECK_FALSE(decode_from_engine("\xFF"));
}

TEST_CASE("changed bytes harm nobody") {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = i % 2 ? encode(commands[1]) : encode(reports[4]);
    for (int changes = 0; changes < 3; ++changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    decode_to_engine(bytes);
    decode_from_engine(bytes);
  }
  SUCCEED();
}
