#include "actors/request_preparer.hpp"

#include "model/gguf_file.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace troupe;

namespace {

constexpr int32_t context = 1000;

const std::shared_ptr<const tokenizer>& vocabulary() {
  static const auto loaded = [] {
    const char* path = std::getenv("TROUPE_TEST_MODEL");
    const auto file = gguf_file::open(path ? path : "models/SmolLM2-135M-Instruct.Q4_1.gguf");
    if (!file)
      throw std::runtime_error(file.error().what() + ": run deploy/fetch_model.sh");
    return tokenizer::from_gguf(*file).value();
  }();
  return loaded;
}

generation_request plain() {
  generation_request request;
  request.response_id = "resp_1";
  request.prompt = "one two three";
  request.max_tokens = 10;
  return request;
}

auto prepared(generation_request request) {
  static const manual_clock clock;
  static const request_preparer preparer({"model", context, 1000}, vocabulary(), nullptr, clock);
  request.arrived = clock.now();
  return preparer.prepare(std::move(request));
}

struct refusal {
  const char* about;
  std::function<void(generation_request&)> change;
  const char* param;
  const char* sentence; // a part of it
};

} // namespace

TEST_CASE("sampling and stopping out of their bounds are refused with a sentence") {
  const std::vector<refusal> refusals{
      {"17 stop strings", [](auto& r) { r.stop.assign(17, "x"); }, "stop", "at most 16 strings, got 17"},
      {"an empty stop string",
       [](auto& r) {
         r.stop = {"x", ""};
       },
       "stop", "1 to 1024 bytes, got one of 0"},
      {"a stop string of 1 MB", [](auto& r) { r.stop = {std::string(1 << 20, 'x')}; }, "stop",
       "1 to 1024 bytes, got one of 1048576"},
      {"a stop string that no text can hold", [](auto& r) { r.stop = {"\xE2\x82"}; }, "stop",
       "must be UTF-8"},
      {"too many stop tokens", [](auto& r) { r.stop_token_ids.assign(1025, 1); }, "stop_token_ids",
       "at most 1024 tokens, got 1025"},
      {"a stop token that is none", [](auto& r) { r.stop_token_ids = {49152}; }, "stop_token_ids",
       "names token 49152, but the vocabulary has tokens 0 to 49151"},
      {"a negative one", [](auto& r) { r.stop_token_ids = {-1}; }, "stop_token_ids", "names token -1"},
      {"a bias of no token",
       [](auto& r) {
         r.sampling.logit_bias = {{1 << 20, 1.0f}};
       },
       "logit_bias", "names token 1048576"},
      {"too large a bias",
       [](auto& r) {
         r.sampling.logit_bias = {{5, 101.0f}};
       },
       "logit_bias", "between -100 and 100, got 101"},
      {"min_tokens below 0", [](auto& r) { r.sampling.min_tokens = -1; }, "min_tokens", "got -1"},
      {"min_tokens over max_tokens", [](auto& r) { r.sampling.min_tokens = 11; }, "min_tokens",
       "min_tokens (11) is more than max_tokens (10)"},
      {"min_tokens over the context",
       [](auto& r) {
         r.max_tokens.reset();
         r.sampling.min_tokens = context;
       },
       "min_tokens", "min_tokens (1000) is more than the 99"},
      {"21 alternatives", [](auto& r) { r.sampling.logprobs = 21; }, "logprobs",
       "0 to 20 alternatives, got 21"},
      {"21 of the prompt", [](auto& r) { r.prompt_logprobs = 21; }, "prompt_logprobs",
       "0 to 20 alternatives"},
      {"less than none", [](auto& r) { r.prompt_logprobs = -1; }, "prompt_logprobs", "got -1"},
      {"a temperature", [](auto& r) { r.sampling.temperature = 3; }, "temperature", "between 0.01 and 2"},
      {"two prompts", [](auto& r) { r.prompt_tokens = {1}; }, "messages", "either messages or a prompt"},
      {"a prompt of tokens that are none",
       [](auto& r) {
         r.prompt.clear();
         r.prompt_tokens = {1, 49152};
       },
       "prompt", "names token 49152"},
      {"a long prompt of tokens",
       [](auto& r) {
         r.prompt.clear();
         r.prompt_tokens.assign(1001, 1);
       },
       "prompt", "1001 tokens is more than a context of 1000"},
  };
  for (const auto& one : refusals) {
    INFO(one.about);
    auto request = plain();
    one.change(request);
    const auto outcome = prepared(std::move(request));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().param == one.param);
    INFO(outcome.error().message);
    CHECK(outcome.error().message.find(one.sentence) != std::string::npos);
  }
}

TEST_CASE("sampling and stopping reach the sequence as they were asked for") {
  auto request = plain();
  request.stop.assign(16, std::string(1024, 'x'));
  request.stop_token_ids = {5, 49151};
  request.include_stop_str_in_output = true;
  request.prompt_logprobs = 20;
  request.sampling.min_tokens = 10;
  request.sampling.logprobs = 20;
  request.sampling.logit_bias = {{0, -100.0f}, {49151, 100.0f}};
  request.sampling.choice = 3;
  request.seed = 9;
  auto outcome = prepared(request);
  REQUIRE(outcome);
  const auto& spec = outcome->spec;
  CHECK(spec.stop == request.stop);
  CHECK(spec.stop_tokens == request.stop_token_ids);
  CHECK(spec.end_tokens == vocabulary()->end_tokens());
  CHECK(spec.include_stop);
  CHECK(spec.prompt_logprobs == 20);
  CHECK(spec.sampling.min_tokens == 10);
  CHECK(spec.sampling.logprobs == 20);
  CHECK(spec.sampling.logit_bias.size() == 2);
  CHECK(spec.sampling.choice == 3);
  CHECK(spec.sampling.seed == 9);
  request.ignore_eos = true;
  CHECK(prepared(request)->spec.end_tokens.empty());
}

TEST_CASE("a prompt of tokens is taken as it is") {
  auto request = plain();
  request.prompt.clear();
  request.prompt_tokens = {7, 7, 1};
  const auto outcome = prepared(std::move(request));
  REQUIRE(outcome);
  CHECK(outcome->spec.prompt == std::vector<token_id>{7, 7, 1});
}
