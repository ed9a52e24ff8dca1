#include "net/request_parser_chat.hpp"
#include "net/request_parser_completions.hpp"
#include "net/request_parser_responses.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <string>

using namespace troupe;

namespace {

template <class Parse>
auto parse_with(const Parse& parse, const std::string& body) -> decltype(parse(simdjson::dom::object())) {
  json_reader reader(4 << 20);
  const auto object = reader.parse(body);
  if (!object)
    return tl::unexpected(object.error());
  return parse(*object);
}

parsed<chat_request> chat_with(const std::string& fields) {
  return parse_with(parse_chat_request, R"({"messages":[{"role":"user","content":"hi"}],)" + fields + "}");
}

parsed<completion_request> completion(const std::string& body) {
  return parse_with(parse_completion_request, body);
}

parsed<completion_request> completion_with(const std::string& fields) {
  return completion(R"({"prompt":"hi",)" + fields + "}");
}

parsed<responses_request> responses_with(const std::string& fields) {
  return parse_with([](simdjson::dom::object body) { return parse_responses_request(body, transport::http); },
                    R"({"input":"hi",)" + fields + "}");
}

/// What each of the three doors makes of these fields.
std::vector<parsed<generation_request>> all_doors(const std::string& fields) {
  const auto generation = [](auto request) -> parsed<generation_request> {
    if (!request)
      return tl::unexpected(request.error());
    return request->generation;
  };
  return {generation(chat_with(fields)), generation(completion_with(fields)),
          generation(responses_with(fields))};
}

struct wrong {
  std::string fields;
  const char* param;
};

std::string texts(size_t count, const std::string& one) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i > 0 ? "," : "") + one;
  return "[" + list + "]";
}

} // namespace

TEST_CASE("the fields of stopping and biases mean the same at every door", "[parser]") {
  for (const auto& request : all_doors(
           R"("stop":["END","\n\n","é"],"stop_token_ids":[2,0,2147483647],"min_tokens":3,"ignore_eos":true,
              "include_stop_str_in_output":true,"logit_bias":{"0":-100,"50256":100,"7":0.5})")) {
    REQUIRE(request);
    CHECK(request->stop == std::vector<std::string>{"END", "\n\n", "é"});
    CHECK(request->stop_token_ids == std::vector<token_id>{2, 0, 2147483647});
    CHECK(request->sampling.min_tokens == 3);
    CHECK(request->ignore_eos);
    CHECK(request->include_stop_str_in_output);
    REQUIRE(request->sampling.logit_bias.size() == 3);
    CHECK(request->sampling.logit_bias[1].token == 50256);
    CHECK(request->sampling.logit_bias[1].bias == 100.0f);
    CHECK(request->sampling.logit_bias[2].bias == 0.5f);
  }
  for (const auto& request : all_doors(R"("stop":"x")"))
    CHECK(request->stop == std::vector<std::string>{"x"});
  for (const auto& request : all_doors(R"("stop":null,"stop_token_ids":null,"logit_bias":null)"))
    CHECK((request->stop.empty() && request->stop_token_ids.empty() && request->sampling.logit_bias.empty()));
  for (const auto& request : all_doors(R"("stop":[],"stop_token_ids":[],"logit_bias":{},"min_tokens":0)"))
    CHECK(request);
}

TEST_CASE("as much as the bounds allow, and no more", "[parser]") {
  const auto biases = [](int count) {
    std::string object;
    for (int i = 0; i < count; ++i)
      object += fmt::format("{}\"{}\":1", i > 0 ? "," : "", i);
    return "\"logit_bias\":{" + object + "}";
  };
  for (const auto& request : all_doors("\"stop\":" + texts(16, '"' + std::string(1024, 'a') + '"') +
                                       ",\"stop_token_ids\":" + texts(1024, "7") + "," + biases(1024))) {
    REQUIRE(request);
    CHECK(request->stop.size() == 16);
    CHECK(request->sampling.logit_bias.size() == 1024);
  }
  for (const auto& [fields, param] : std::initializer_list<wrong>{
           {"\"stop\":" + texts(17, "\"a\""), "stop"},
           {"\"stop\":\"" + std::string(1 << 20, 'a') + '"', "stop"},
           {"\"stop\":[\"a\",\"" + std::string(1025, 'a') + "\"]", "stop[1]"},
           {R"("stop":"")", "stop"},
           {R"("stop":["a",""])", "stop[1]"},
           {R"("stop":["a",7])", "stop[1]"},
           {R"("stop":7)", "stop"},
           {R"("stop":{"a":1})", "stop"},
           {"\"stop_token_ids\":" + texts(1025, "7"), "stop_token_ids"},
           {R"("stop_token_ids":[-1])", "stop_token_ids"},
           {R"("stop_token_ids":[2147483648])", "stop_token_ids"},
           {R"("stop_token_ids":["7"])", "stop_token_ids"},
           {R"("stop_token_ids":7)", "stop_token_ids"},
           {R"("min_tokens":-1)", "min_tokens"},
           {R"("min_tokens":1.5)", "min_tokens"},
           {R"("ignore_eos":1)", "ignore_eos"},
           {R"("include_stop_str_in_output":"yes")", "include_stop_str_in_output"},
           {biases(1025), "logit_bias"},
           {R"("logit_bias":[1])", "logit_bias"},
           {R"("logit_bias":{"x":1})", "logit_bias"},
           {R"("logit_bias":{"-1":1})", "logit_bias"},
           {R"("logit_bias":{"07":1})", "logit_bias"},
           {R"("logit_bias":{"":1})", "logit_bias"},
           {R"("logit_bias":{"7 ":1})", "logit_bias"},
           {R"("logit_bias":{"7":101})", "logit_bias"},
           {R"("logit_bias":{"7":"1"})", "logit_bias"},
           {R"("logit_bias":{"7":1,"7":2})", "logit_bias.7"},
       })
    for (const auto& request : all_doors(fields)) {
      INFO(fields.substr(0, 80));
      REQUIRE_FALSE(request);
      CHECK(request.error().code == request_error::invalid_value);
      CHECK(request.error().param == param);
      CHECK(request.error().message.starts_with(param));
      CHECK(request.error().message.size() < 300);
    }
}

TEST_CASE("log probabilities are asked for in three ways", "[parser]") {
  CHECK(chat_with(R"("logprobs":true)")->generation.sampling.logprobs == 0);
  CHECK(chat_with(R"("logprobs":true,"top_logprobs":20)")->generation.sampling.logprobs == 20);
  CHECK_FALSE(chat_with(R"("logprobs":false,"top_logprobs":0)")->generation.sampling.logprobs);
  CHECK(chat_with(R"("top_logprobs":1)").error().param == "top_logprobs");
  CHECK(chat_with(R"("logprobs":true,"top_logprobs":21)").error().param == "top_logprobs");
  CHECK(chat_with(R"("logprobs":2)").error().param == "logprobs");
  CHECK(completion_with(R"("logprobs":0)")->generation.sampling.logprobs == 0);
  CHECK(completion_with(R"("logprobs":5)")->generation.sampling.logprobs == 5);
  CHECK(completion_with(R"("logprobs":true)").error().param == "logprobs");
  CHECK(completion_with(R"("logprobs":21)").error().param == "logprobs");
  const auto responses =
      responses_with(R"("include":["message.output_text.logprobs","reasoning.encrypted_content"],
                                          "top_logprobs":3)");
  CHECK(responses->generation.sampling.logprobs == 3);
  CHECK(responses->echo.top_logprobs == 3);
  CHECK(responses_with(R"("top_logprobs":3)").error().param == "top_logprobs");
  CHECK(responses_with(R"("include":["message.output_text.logprobs"])")->generation.sampling.logprobs == 0);
  CHECK(chat_with(R"("prompt_logprobs":2)")->generation.prompt_logprobs == 2);
  CHECK(completion_with(R"("prompt_logprobs":0)")->generation.prompt_logprobs == 0);
  CHECK(completion_with(R"("prompt_logprobs":-1)").error().param == "prompt_logprobs");
  CHECK(chat_with(R"("prompt_logprobs":2,"stream":true)").error().param == "prompt_logprobs");
  CHECK(responses_with(R"("prompt_logprobs":2)").error().param == "prompt_logprobs");
}

TEST_CASE("choices, and pairs that contradict each other", "[parser]") {
  CHECK(chat_with(R"("n":16)")->terms.n == 16);
  CHECK(completion_with(R"("n":2,"best_of":5)")->terms.best_of == 5);
  CHECK(completion_with(R"("n":2,"best_of":2,"stream":true)")->terms.best_of == 2);
  CHECK(completion_with(R"("n":2)")->terms.best_of == 2);
  CHECK(chat_with(R"("stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true})")
            ->terms.continuous_usage);
  for (const auto& [fields, param] : std::initializer_list<wrong>{
           {R"("n":17)", "n"},
           {R"("n":1000)", "n"},
           {R"("n":0)", "n"},
           {R"("best_of":17)", "best_of"},
           {R"("n":3,"best_of":2)", "best_of"},
           {R"("best_of":2,"stream":true)", "best_of"},
           {R"("max_tokens":4,"min_tokens":5)", "min_tokens"},
           {R"("min_tokens":17)", "min_tokens"}, // of 16, where nothing is said
           {R"("max_tokens":0)", "max_tokens"},
           {R"("suffix":"x")", "suffix"},
           {R"("stream":true,"stream_options":{"continuous_usage_stats":true})",
            "stream_options.continuous_usage_stats"},
       }) {
    INFO(fields);
    const auto request = completion_with(fields);
    REQUIRE_FALSE(request);
    CHECK(request.error().param == param);
  }
  CHECK(chat_with(R"("max_completion_tokens":4,"min_tokens":5)")
            .error()
            .message.find("max_completion_tokens") != std::string::npos);
  CHECK(chat_with(R"("min_tokens":5)")); // up to the context's end
}

TEST_CASE("prompts of a completion", "[parser]") {
  CHECK(completion(R"({"prompt":"a"})")->prompts == std::vector<completion_prompt>{"a"});
  CHECK(completion(R"({"prompt":["a","b"]})")->prompts == std::vector<completion_prompt>{"a", "b"});
  const std::vector<token_id> one{1, 2}, other{3};
  CHECK(completion(R"({"prompt":[1,2]})")->prompts == std::vector<completion_prompt>{one});
  CHECK(completion(R"({"prompt":[[1,2],[3]]})")->prompts == std::vector<completion_prompt>{one, other});
  CHECK(completion(R"({"prompt":["a",[3]]})")->prompts == std::vector<completion_prompt>{"a", other});
  const auto echoed = completion(R"({"prompt":"a","echo":true,"max_tokens":0})");
  CHECK((echoed->echo && echoed->prompt_only && echoed->generation.max_tokens == 1));
  CHECK(completion(R"({"prompt":"a"})")->generation.max_tokens == 16);
  for (const std::string body :
       {R"({})", R"({"prompt":""})", R"({"prompt":[]})", R"({"prompt":[""]})", R"({"prompt":[[]]})",
        R"({"prompt":7})", R"({"prompt":[1,"a"]})", R"({"prompt":[-1]})", R"({"prompt":[[1.5]]})",
        R"({"prompt":{"a":1}})", R"({"prompt":[["a"]]})"}) {
    INFO(body);
    REQUIRE_FALSE(completion(body));
    CHECK(completion(body).error().param == "prompt");
  }
  CHECK(completion("{\"prompt\":" + texts(65, "\"a\"") + "}").error().param == "prompt");
  CHECK(completion("{\"n\":16,\"prompt\":" + texts(4, "\"a\"") + "}"));
  CHECK(completion("{\"n\":16,\"prompt\":" + texts(5, "\"a\"") + "}").error().param == "prompt");
  const auto long_prompt = std::string(3 << 20, 'a');
  CHECK(completion("{\"n\":16,\"prompt\":\"" + long_prompt + "\"}").error().param == "n");
  CHECK(completion("{\"best_of\":16,\"prompt\":\"" + long_prompt + "\"}").error().param == "best_of");
}
