#include "net/request_parser_chat.hpp"
#include "net/request_parser_responses.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace troupe;

namespace {

parsed<chat_request> chat(const std::string& body) {
  json_reader reader(1 << 20);
  const auto object = reader.parse(body);
  if (!object)
    return tl::unexpected(object.error());
  return parse_chat_request(*object);
}

parsed<responses_request> responses(const std::string& body, transport way = transport::http) {
  json_reader reader(1 << 20);
  const auto object = reader.parse(body);
  if (!object)
    return tl::unexpected(object.error());
  return parse_responses_request(*object, way);
}

/// A chat body with these fields beside its messages.
parsed<chat_request> chat_with(const std::string& fields) {
  return chat(R"({"messages":[{"role":"user","content":"hi"}],)" + fields + "}");
}

parsed<responses_request> responses_with(const std::string& fields) {
  return responses(R"({"input":"hi",)" + fields + "}");
}

} // namespace

TEST_CASE("a full chat body", "[parser]") {
  const auto request = chat(R"({"model":"m","messages":[
      {"role":"developer","content":"be brief","name":"n"},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":"c"}],
      "max_completion_tokens":5,"temperature":0.5,"top_p":0.25,"top_k":3,"min_p":0.125,"seed":-1,
      "presence_penalty":1,"frequency_penalty":-2,"repetition_penalty":1.5,"n":1,"stop":[],"user":"u",
      "metadata":{"k":"v"},"stream":true,"stream_options":{"include_usage":true},"logprobs":false,
      "tools":[],"tool_choice":"auto","response_format":{"type":"text"},"logit_bias":null})");
  REQUIRE(request);
  const auto& generation = request->generation;
  CHECK(generation.model == "m");
  REQUIRE(generation.messages.size() == 3);
  CHECK(generation.messages[0].role == "system");
  CHECK(generation.messages[1].content == "a\nb");
  CHECK(generation.max_tokens == 5);
  CHECK(generation.seed == UINT64_MAX);
  CHECK(generation.sampling.temperature == 0.5f);
  CHECK(generation.sampling.top_p == 0.25f);
  CHECK(generation.sampling.top_k == 3);
  CHECK(generation.sampling.min_p == 0.125f);
  CHECK(generation.sampling.presence_penalty == 1.0f);
  CHECK(generation.sampling.frequency_penalty == -2.0f);
  CHECK(generation.sampling.repetition_penalty == 1.5f);
  CHECK(request->terms.stream);
  CHECK(request->terms.include_usage);
  CHECK(request->terms.n == 1);
  CHECK_FALSE(generation.sampling.logprobs);
  CHECK(generation.stop.empty());
}

TEST_CASE("defaults of a chat body", "[parser]") {
  const auto request = chat(R"({"messages":[{"role":"user","content":""}]})");
  REQUIRE(request);
  CHECK_FALSE(request->terms.stream);
  CHECK_FALSE(request->generation.max_tokens);
  CHECK_FALSE(request->generation.seed);
  CHECK(request->generation.sampling.temperature == 1.0f);
  CHECK(chat_with(R"("seed":18446744073709551615)")->generation.seed == UINT64_MAX);
}

TEST_CASE("both doors read who goes first and what is kept apart", "[parser]") {
  const auto of_chat = chat_with(R"("priority":-100,"cache_salt":"s")");
  const auto of_responses = responses_with(R"("priority":7,"cache_salt":"t")");
  REQUIRE(of_chat);
  REQUIRE(of_responses);
  CHECK(of_chat->generation.priority == -100);
  CHECK(of_chat->generation.cache_salt == "s");
  CHECK(of_responses->generation.priority == 7);
  CHECK(of_responses->generation.cache_salt == "t");
  CHECK(chat_with(R"("priority":null)")->generation.priority == 0);
}

TEST_CASE("each wrong chat field is named", "[parser]") {
  struct wrong {
    const char* fields;
    const char* param;
  };
  for (const auto& [fields, param] : std::initializer_list<wrong>{
           {R"("temperature":2.1)", "temperature"},
           {R"("temperature":-1)", "temperature"},
           {R"("temperature":0.001)", "temperature"},
           {R"("temperature":"1")", "temperature"},
           {R"("temperature":true)", "temperature"},
           {R"("top_p":0)", "top_p"},
           {R"("top_p":1.01)", "top_p"},
           {R"("top_k":-1)", "top_k"},
           {R"("top_k":1.5)", "top_k"},
           {R"("top_k":99999999999)", "top_k"},
           {R"("min_p":2)", "min_p"},
           {R"("presence_penalty":3)", "presence_penalty"},
           {R"("frequency_penalty":-3)", "frequency_penalty"},
           {R"("repetition_penalty":0)", "repetition_penalty"},
           {R"("repetition_penalty":11)", "repetition_penalty"},
           {R"("priority":101)", "priority"},
           {R"("priority":-101)", "priority"},
           {R"("priority":0.5)", "priority"},
           {R"("cache_salt":"")", "cache_salt"},
           {R"("cache_salt":7)", "cache_salt"},
           {R"("seed":1.5)", "seed"},
           {R"("seed":"1")", "seed"},
           {R"("max_tokens":0)", "max_tokens"},
           {R"("max_tokens":2147483648)", "max_tokens"},
           {R"("max_tokens":1,"max_completion_tokens":2)", "max_tokens"},
           {R"("stream":1)", "stream"},
           {R"("stream_options":{})", "stream_options"},
           {R"("stream":true,"stream_options":{"x":1})", "stream_options.x"},
           {R"("n":0)", "n"},
           {R"("n":1000)", "n"},
           {R"("best_of":2)", "best_of"},
           {R"("model":7)", "model"},
           {R"("metadata":{"k":1})", "metadata"},
           {R"("metadata":[])", "metadata"},
           {R"("response_format":7)", "response_format"},
           {R"("no_such_field":1)", "no_such_field"},
           {R"("user":"a","user":"b")", "user"},
       }) {
    INFO(fields);
    const auto request = chat_with(fields);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == request_error::invalid_value);
    CHECK(request.error().param == param);
    CHECK(request.error().message.find(param) == 0);
  }
  for (const char* fields :
       {R"("tools":[{}])", R"("response_format":{"type":"json_object"})", R"("tool_choice":"required")",
        R"("functions":[{}])", R"("audio":{"a":1})", R"("tool_choice":{"type":"function"})"}) {
    INFO(fields);
    const auto request = chat_with(fields);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == request_error::not_supported);
    CHECK(request.error().message.find("not in this release") != std::string::npos);
  }
}

TEST_CASE("each wrong chat message is named", "[parser]") {
  struct wrong {
    const char* messages;
    const char* param;
  };
  for (const auto& [messages, param] : std::initializer_list<wrong>{
           {R"([])", "messages"},
           {R"("hi")", "messages"},
           {R"(null)", "messages"},
           {R"([7])", "messages[0]"},
           {R"([{"role":"user","content":"a"},{"content":"a"}])", "messages[1].role"},
           {R"([{"role":"king","content":"a"}])", "messages[0].role"},
           {R"([{"role":"tool","content":"a"}])", "messages[0].role"},
           {R"([{"role":"user"}])", "messages[0].content"},
           {R"([{"role":"user","content":null}])", "messages[0].content"},
           {R"([{"role":"user","content":{}}])", "messages[0].content"},
           {R"([{"role":"user","content":["a"]}])", "messages[0].content[0]"},
           {R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}])",
            "messages[0].content[1].type"},
           {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text"},
           {R"([{"role":"user","content":"a","what":1}])", "messages[0].what"},
           {R"([{"role":"assistant","content":"a","tool_calls":[{}]}])", "messages[0].tool_calls"},
       }) {
    INFO(messages);
    const auto request = chat(R"({"messages":)" + std::string(messages) + "}");
    REQUIRE_FALSE(request);
    CHECK(request.error().param == param);
  }
  CHECK(chat("{}").error().param == "messages");
}

TEST_CASE("a full responses body", "[parser]") {
  const auto request = responses(R"({"model":"m","instructions":"be brief","input":[
      {"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},
      {"role":"assistant","content":[{"type":"output_text","text":"b","annotations":[],"logprobs":[]}],
       "id":"msg_1","status":"completed","type":"message","phase":"final_answer"},
      {"role":"user","content":"c"}],
      "max_output_tokens":16,"temperature":0.7,"top_p":0.9,"seed":5,"store":true,"stream":true,
      "stream_options":{"include_obfuscation":false},"truncation":"auto","metadata":{"a":"b"},
      "tool_choice":"none","tools":[],"parallel_tool_calls":false,"text":{"format":{"type":"text"}},
      "reasoning":null,"include":["reasoning.encrypted_content"],"service_tier":"flex","top_logprobs":0,
      "background":false,"safety_identifier":"s","prompt_cache_key":"p","max_tool_calls":1,"user":"u"})");
  REQUIRE(request);
  REQUIRE(request->input.size() == 3);
  CHECK(request->echo.instructions == "be brief");
  CHECK(request->input[1].message.role == "assistant");
  CHECK(request->input[1].message.text == "b");
  CHECK(request->input[2].message.text == "c");
  CHECK(request->input[2].index == 2);
  CHECK(request->generation.max_tokens == 16);
  CHECK(request->generation.seed == 5);
  CHECK(request->stream);
  CHECK(request->echo.temperature == 0.7);
  CHECK(request->echo.store);
  CHECK(request->echo.truncation == "auto");
  CHECK(request->echo.tool_choice == "none");
  CHECK_FALSE(request->echo.parallel_tool_calls);
  CHECK(request->echo.metadata.at(0).second == "b");
  CHECK(request->echo.max_tool_calls == 1);
}

TEST_CASE("each wrong responses field is named", "[parser]") {
  struct wrong {
    const char* fields;
    const char* param;
    request_error code;
  };
  constexpr auto invalid = request_error::invalid_value;
  constexpr auto later = request_error::not_supported;
  const std::string long_text = R"("safety_identifier":")" + std::string(65, 'a') + "\"";
  for (const auto& [fields, param, code] : std::initializer_list<wrong>{
           {R"("max_output_tokens":15)", "max_output_tokens", invalid},
           {R"("max_tool_calls":0)", "max_tool_calls", invalid},
           {R"("temperature":3)", "temperature", invalid},
           {R"("truncation":"some")", "truncation", invalid},
           {R"("service_tier":"gold")", "service_tier", invalid},
           {R"("instructions":["a"])", "instructions", invalid},
           {R"("store":"yes")", "store", invalid},
           {R"("what":1)", "what", invalid},
           {long_text.c_str(), "safety_identifier", invalid},
           {R"("tools":[{"type":"function","name":"f"}])", "tools", later},
           {R"("tool_choice":"required")", "tool_choice", later},
           {R"("previous_response_id":1)", "previous_response_id", invalid},
           {R"("background":true,"store":false)", "background", invalid},
           {R"("conversation":"c")", "conversation", later},
           {R"("prompt":{"id":"p"})", "prompt", later},
           {R"("reasoning":{"effort":"low"})", "reasoning", later},
           {R"("top_logprobs":2)", "top_logprobs", invalid},
           {R"("include":["message.output_text.logprobs"],"top_logprobs":21)", "top_logprobs", invalid},
           {R"("include":["file_search_call.results"])", "include", later},
           {R"("max_output_tokens":16,"min_tokens":17)", "min_tokens", invalid},
           {R"("text":{"format":{"type":"json_schema"}})", "text.format.type", later},
           {R"("text":{"verbosity":"high"})", "text.verbosity", later},
       }) {
    INFO(fields);
    const auto request = responses_with(fields);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == code);
    CHECK(request.error().param == param);
  }
  for (const auto& [input, param, code] : std::initializer_list<wrong>{
           {R"({})", "input", invalid},
           {R"({"input":[]})", "input", invalid},
           {R"({"input":7})", "input", invalid},
           {R"({"input":[{"type":"function_call_output","output":"a"}]})", "input[0].call_id", invalid},
           {R"({"input":[{"type":"function_call_output","call_id":"c1","output":"a"}]})", "input[0].call_id",
            invalid},
           {R"({"input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}]})",
            "input[0].type", later},
           {R"({"input":[{"type":"compaction","encrypted_content":"a"}]})", "input[0].type", later},
           {R"({"input":[{}]})", "input[0].id", invalid},
           {R"({"input":[{"type":"item_reference"}]})", "input[0].id", invalid},
           {R"({"input":[{"type":"reasoning"}]})", "input[0].summary", invalid},
           {R"({"input":[{"type":"reasoning","summary":[]}]})", "input", invalid},
           {R"({"input":[{"type":"message","content":"a"}]})", "input[0].role", invalid},
           {R"({"input":[{"role":"user","content":[{"type":"input_image"}]}]})", "input[0].content[0].type",
            later},
           {R"({"input":[{"role":"user","content":[{"type":"output_text","text":"a"}]}]})",
            "input[0].content[0].type", later},
       }) {
    INFO(input);
    const auto request = responses(input);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == code);
    CHECK(request.error().param == param);
  }
}

TEST_CASE("over WebSocket the transport's own fields are refused", "[parser]") {
  CHECK(responses(R"({"type":"response.create","input":"a"})", transport::websocket));
  for (const char* field : {"stream", "background"}) {
    const auto request =
        responses(R"({"type":"response.create","input":"a",")" + std::string(field) + "\":false}",
                  transport::websocket);
    REQUIRE_FALSE(request);
    CHECK(request.error().param == field);
  }
  CHECK(responses(R"({"type":"response.cancel"})", transport::websocket).error().param == "type");
  CHECK(responses(R"({"type":"response.create","input":"a"})").error().param == "type");
}

TEST_CASE("references, reasoning and the absence of input", "[parser]") {
  const auto request = responses(R"({"input":[{"id":"msg_1"},{"type":null,"id":"msg_2"},
      {"type":"item_reference","id":"msg_3"},
      {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x","content":null},
      {"role":"user","content":"a"}]})");
  REQUIRE(request);
  REQUIRE(request->input.size() == 4);
  for (size_t i = 0; i < 3; ++i)
    CHECK(request->input[i].reference == "msg_" + std::to_string(i + 1));
  CHECK(request->input[3].reference.empty());
  CHECK(request->input[3].index == 4);
  CHECK(responses(R"({"previous_response_id":"resp_1"})"));
  CHECK(responses(R"({"previous_response_id":"resp_1","input":[]})"));
  CHECK_FALSE(responses(R"({"previous_response_id":null})"));
  CHECK(responses(R"({"input":"a"})")->echo.store);
  CHECK(responses(R"({"input":"a","background":true})")->echo.background);
}
