#include "net/chat_encoder.hpp"
#include "net/completion_encoder.hpp"
#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"
#include "net/responses_encoder.hpp"
#include "tests/net/fake_front_door.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

token_logprobs token(token_id id, std::string bytes, float logprob, std::vector<token_logprob> top = {}) {
  return {{id, 1, logprob, std::move(bytes)}, std::move(top)};
}

logprob_list list(std::vector<token_logprobs> tokens) {
  return std::make_shared<const std::vector<token_logprobs>>(std::move(tokens));
}

/// "a", then a fox in two tokens, then an end token without text.
std::vector<response_event> events_with_logprobs() {
  auto events = events_of("resp_1", {"a", "🦊"});
  const auto a = token(5, "a", -0.1f, {{5, 1, -0.1f, "a"}, {6, 2, -2.5f, "b"}});
  const auto begin = token(7, "\xf0\x9f", -0.25f, {{7, 1, -0.25f, "\xf0\x9f"}, {8, 2, -3, "\xf0"}});
  const auto end = token(9, "\xa6\x8a", 0, {{9, 1, 0, "\xa6\x8a"}, {6, 2, -9, "b"}});
  const auto last =
      token(2, "<end>", -std::numeric_limits<float>::infinity(), {{5, 1, -1, "a"}, {6, 2, -1, "b"}});
  events[2].logprobs =
      list({{{11, 0, 0, "p"}, {}}, token(12, "q", -1.5f, {{13, 1, -0.5f, "r"}, {12, 2, -1.5f, "q"}})});
  events[4].logprobs = list({a});
  events[5].logprobs = list({begin, end});
  for (size_t i = 6; i < events.size(); ++i)
    events[i].logprobs = list({a, begin, end, last});
  return events;
}

std::vector<json> encode(event_encoder& encoder, const std::vector<response_event>& events) {
  encoder.accept({"resp_1", 1'700'000'001, "m", 2, 100, 1, "", false});
  std::vector<std::string> frames;
  for (const auto& event : events)
    encoder.encode(event, frames);
  std::vector<json> out;
  for (const auto& frame : frames) {
    const auto text = frame.starts_with("data: ") ? frame.substr(6) : frame;
    if (!text.starts_with("[DONE]"))
      out.push_back(json::parse(text));
  }
  return out;
}

const std::vector<std::string> ids{"resp_1"};

} // namespace

TEST_CASE("a token that is not whole characters is shown byte by byte", "[logprobs]") {
  CHECK(shown_token(" word") == " word");
  CHECK(shown_token("é🦊") == "é🦊");
  CHECK(shown_token(" \xf0\x9f") == " \\xf0\\x9f");
  CHECK(shown_token("\xa6\x8a!") == "\\xa6\\x8a!");
  CHECK(shown_token("").empty());
}

TEST_CASE("logarithms are written short and exact", "[logprobs]") {
  const auto written = [](float value) {
    std::string text;
    json_writer writer(text);
    write_logprob(writer, value);
    return text;
  };
  CHECK(written(-0.1f) == "-0.1");
  CHECK(written(0) == "0.0");
  CHECK(written(-std::numeric_limits<float>::infinity()) == "-9999.0");
  for (const float value : {-1.17549435e-38f, -0.33333334f, -17.125f, -1e-45f})
    CHECK(std::strtof(written(value).c_str(), nullptr) == value);
}

TEST_CASE("log probabilities of a chat completion", "[logprobs]") {
  chat_encoder whole({.logprobs = true, .prompt_logprobs = 1}, ids);
  const auto body = encode(whole, events_with_logprobs()).at(0);
  const auto& content = body["choices"][0]["logprobs"]["content"];
  CHECK(body["choices"][0]["logprobs"]["refusal"].is_null());
  REQUIRE(content.size() == 4);
  CHECK(content[0] == json::parse(R"({"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[
      {"token":"a","logprob":-0.1,"bytes":[97]},{"token":"b","logprob":-2.5,"bytes":[98]}]})"));
  CHECK(content[1]["token"] == "\\xf0\\x9f");
  CHECK(content[1]["bytes"] == json::parse("[240,159]"));
  CHECK(content[2]["bytes"] == json::parse("[166,138]"));
  CHECK(content[3]["logprob"] == -9999.0);
  CHECK(body["prompt_logprobs"] == json::parse(R"([null,{"12":{"logprob":-1.5,"rank":1,"decoded_token":"q"},
      "13":{"logprob":-0.5,"rank":1,"decoded_token":"r"}}])"));

  chat_encoder stream({.stream = true, .logprobs = true}, ids);
  json streamed = json::array();
  for (const auto& chunk : encode(stream, events_with_logprobs()))
    if (const auto& part = chunk["choices"][0]["logprobs"]; !part.is_null())
      streamed.insert(streamed.end(), part["content"].begin(), part["content"].end());
  CHECK(streamed == content);

  chat_encoder without({}, ids);
  CHECK(encode(without, events_of("resp_1", {"a"})).at(0)["choices"][0]["logprobs"].is_null());
}

TEST_CASE("log probabilities of a completion, with its prompt", "[logprobs]") {
  completion_form form;
  form.logprobs = 1;
  completion_encoder plain(form, ids);
  auto body = encode(plain, events_with_logprobs()).at(0);
  CHECK(body["choices"][0]["logprobs"] == json::parse(R"({
      "tokens":["a","bytes:\\xf0\\x9f","bytes:\\xa6\\x8a","<end>"],
      "token_logprobs":[-0.1,-0.25,0.0,-9999.0],
      "top_logprobs":[{"a":-0.1},{"bytes:\\xf0\\x9f":-0.25},{"bytes:\\xa6\\x8a":0.0},{"a":-1.0,"<end>":-9999.0}],
      "text_offset":[0,1,1,2]})"));

  form.echo = true;
  form.prompts = {"pq"};
  completion_encoder echo(form, ids);
  body = encode(echo, events_with_logprobs()).at(0);
  CHECK(body["choices"][0]["text"] == "pqa🦊");
  const auto logprobs = body["choices"][0]["logprobs"];
  CHECK(logprobs["tokens"][0] == "p");
  CHECK(logprobs["token_logprobs"][0].is_null());
  CHECK(logprobs["top_logprobs"][0].is_null());
  CHECK(logprobs["top_logprobs"][1] == json::parse(R"({"r":-0.5,"q":-1.5})"));
  CHECK(logprobs["text_offset"] == json::parse("[0,1,2,3,3,4]"));

  form.stream = true;
  completion_encoder stream(form, ids);
  json sum = json::parse(R"({"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]})");
  std::string text;
  for (const auto& chunk : encode(stream, events_with_logprobs())) {
    text += chunk["choices"][0]["text"];
    if (const auto& part = chunk["choices"][0]["logprobs"]; !part.is_null())
      for (const auto& [name, values] : part.items())
        sum[name].insert(sum[name].end(), values.begin(), values.end());
  }
  CHECK(text == "pqa🦊");
  CHECK(sum == logprobs);

  form.stream = false;
  form.prompts = {"q"}; // a begin token before it has no place in the text
  completion_encoder shorter(form, ids);
  body = encode(shorter, events_with_logprobs()).at(0);
  CHECK(body["choices"][0]["logprobs"]["text_offset"] == json::parse("[0,0,1,2,2,3]"));
  form.prompts = {""}; // it came as tokens
  completion_encoder tokens(form, ids);
  CHECK(encode(tokens, events_with_logprobs()).at(0)["choices"][0]["text"] == "pqa🦊");
}

TEST_CASE("log probabilities of a response, also for a reader that comes back", "[logprobs]") {
  const auto events = events_with_logprobs();
  responses_encoder encoder(response_json(response_echo{}), responses_encoder::form::websocket);
  const auto messages = encode(encoder, events);
  CHECK(messages[4]["logprobs"][0]["top_logprobs"].size() == 2);
  CHECK(messages[5]["logprobs"].size() == 2);
  const auto all = messages[6]["logprobs"];
  CHECK(all.size() == 4);
  CHECK(all[1]["bytes"] == json::parse("[240,159]"));
  CHECK(messages[7]["part"]["logprobs"] == all);
  CHECK(messages[8]["item"]["content"][0]["logprobs"] == all);
  CHECK(messages[9]["response"]["output"][0]["content"][0]["logprobs"] == all);
  CHECK(messages[2]["item"]["content"].empty());
}

TEST_CASE("what stopped an answer stands beside its finish reason", "[logprobs]") {
  auto events = events_of("resp_1", {"a"});
  const auto reason = [&](bool stream) {
    chat_encoder encoder({.stream = stream}, ids);
    return encode(encoder, events).back()["choices"][0];
  };
  for (const bool stream : {false, true}) {
    events.back().stopped_by = std::monostate();
    CHECK(reason(stream)["stop_reason"].is_null());
    events.back().stopped_by = std::string("END");
    CHECK(reason(stream)["stop_reason"] == "END");
    CHECK(reason(stream)["finish_reason"] == "stop");
    events.back().stopped_by = token_id{17};
    CHECK(reason(stream)["stop_reason"] == 17);
  }
}

TEST_CASE("usage in every chunk", "[logprobs]") {
  auto events = events_of("resp_1", {"a", "b"});
  events[4].output_tokens = 1;
  events[5].output_tokens = 2;
  chat_encoder encoder({.stream = true, .include_usage = true, .continuous_usage = true}, ids);
  const auto chunks = encode(encoder, events);
  CHECK(chunks[0]["usage"]["completion_tokens"] == 0);
  CHECK(chunks[0]["usage"]["prompt_tokens"] == 2);
  CHECK(chunks[1]["usage"]["completion_tokens"] == 1);
  CHECK(chunks[2]["usage"]["total_tokens"] == 4);
}
