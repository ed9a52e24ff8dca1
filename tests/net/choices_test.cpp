#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

std::string chat_body(const std::string& fields) {
  return R"({"messages":[{"role":"user","content":"hi"}],)" + fields + "}";
}

/// The JSON texts of an event stream; "[DONE]" is left out.
std::vector<json> chunks_of(const std::string& body) {
  std::vector<json> chunks;
  for (size_t at = 0; at < body.size();) {
    const auto end = body.find("\n\n", at);
    const auto data = body.substr(at + 6, end - at - 6);
    if (data != "[DONE]")
      chunks.push_back(json::parse(data));
    at = end + 2;
  }
  return chunks;
}

std::string content_of(const std::vector<json>& chunks, int index) {
  std::string text;
  for (const auto& chunk : chunks)
    for (const auto& choice : chunk["choices"])
      if (choice["index"] == index)
        text += choice.contains("text") ? choice["text"].get<std::string>()
                                        : choice["delta"].value("content", std::string());
  return text;
}

/// Each choice answers with its number.
void answer_by_number(fake_front_door& door, const generation_request& request) {
  answer_with({"choice ", std::to_string(request.sampling.choice)})(door, request);
}

/// The ids of so many submissions, in order.
std::vector<std::string> ids_of(server_under_test& under, size_t count) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(under.door->wait_for_request(i));
  return ids;
}

} // namespace

TEST_CASE("several choices are several submissions and one answer", "[http][choices]") {
  server_under_test under;
  under.door->on_submit = answer_by_number;
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_body(R"("n":3,"seed":5,"temperature":0.5)")));
  const auto body = json::parse(client.read_answer().body);
  REQUIRE(body["choices"].size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(body["choices"][i]["index"] == i);
    CHECK(body["choices"][i]["message"]["content"] == "choice " + std::to_string(i));
    CHECK(body["choices"][i]["finish_reason"] == "stop");
  }
  CHECK(body["usage"]["prompt_tokens"] == 7); // counted once
  CHECK(body["usage"]["completion_tokens"] == 9);
  REQUIRE(under.door->request_count() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const auto& request = under.door->request(i);
    CHECK(request.sampling.choice == i);
    CHECK(request.seed == 5);
    CHECK(request.messages[0].content == "hi");
    CHECK(under.door->wait_for_acknowledge(request.response_id, 9));
    CHECK_FALSE(under.door->was_cancelled(request.response_id));
  }
}

TEST_CASE("streamed choices carry their index, and end together", "[http][choices]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/chat/completions",
                   chat_body(R"("n":2,"stream":true,"stream_options":{"include_usage":true})")));
  const auto ids = ids_of(under, 2);
  const auto first = events_of(ids[0], {"a", "b"});
  const auto second = events_of(ids[1], {"x"}, event_kind::incomplete);
  under.door->accept(ids[1]); // the first one is not accepted yet
  under.door->send(ids[1], {second.begin(), second.begin() + 5});
  under.door->accept(ids[0]);
  CHECK(client.read_until("\"x\"").find("200 OK") != std::string::npos);
  CHECK(under.door->wait_for_acknowledge(ids[1], 4));
  under.door->send(ids[0], first);
  CHECK(under.door->wait_for_acknowledge(ids[0], 9));
  under.door->send(ids[1], {second.begin() + 5, second.end()});
  const auto rest = client.read_until("[DONE]\n\n");
  CHECK(rest.find("[DONE]") != std::string::npos);
  CHECK(under.door->wait_for_acknowledge(ids[1], 8));
}

TEST_CASE("the chunks of several choices", "[http][choices]") {
  server_under_test under;
  under.door->on_submit = answer_by_number;
  raw_client client(under.port());
  for (const std::string path : {"/v1/chat/completions", "/v1/completions"}) {
    const std::string fields = R"("n":2,"stream":true,"stream_options":{"include_usage":true})";
    client.send(
        post(path, path == "/v1/completions" ? R"({"prompt":"hi",)" + fields + "}" : chat_body(fields)));
    const auto answer = client.read_answer();
    CHECK(answer.body.ends_with("data: [DONE]\n\n"));
    const auto chunks = chunks_of(answer.body);
    CHECK(content_of(chunks, 0) == "choice 0");
    CHECK(content_of(chunks, 1) == "choice 1");
    for (const auto& chunk : chunks) {
      CHECK(chunk["id"] == chunks[0]["id"]);
      CHECK(chunk["created"] == chunks[0]["created"]);
    }
    CHECK(chunks.back()["choices"].empty());
    CHECK(chunks.back()["usage"]["prompt_tokens"] == 7);
    CHECK(chunks.back()["usage"]["completion_tokens"] == 6);
  }
}

TEST_CASE("one refused choice refuses the request and cancels the others", "[http][choices]") {
  server_under_test under;
  under.door->on_submit = [](fake_front_door& door, const generation_request& request) {
    if (request.sampling.choice == 1)
      return door.reject(request.response_id, {request_error::too_many_requests, "no room", "", 2});
    door.accept(request.response_id);
    const auto events = events_of(request.response_id, {"a"});
    door.send(request.response_id, {events.begin(), events.begin() + 5});
  };
  raw_client client(under.port());
  for (const char* fields : {R"("n":3)", R"("n":3,"stream":true)"}) {
    client.send(post("/v1/chat/completions", chat_body(fields)));
    const auto answer = client.read_answer();
    CHECK(answer.code == 429);
    CHECK(answer.header("retry-after") == "2");
    CHECK(json::parse(answer.body)["error"]["message"] == "no room");
  }
  for (const size_t number : {0, 2, 3, 5})
    CHECK(under.door->wait_for_cancel(under.door->request(number).response_id));
}

TEST_CASE("one failed choice fails the answer and cancels the others", "[http][choices]") {
  server_under_test under;
  raw_client client(under.port());
  const bool stream = GENERATE(false, true);
  client.send(post("/v1/chat/completions", chat_body(stream ? R"("n":3,"stream":true)" : R"("n":3)")));
  const auto ids = ids_of(under, 3);
  for (const auto& id : ids)
    under.door->accept(id);
  under.door->send(ids[0], events_of(ids[0], {"a"}));
  under.door->send(ids[2], events_of(ids[2], {"b"}, event_kind::failed));
  const auto answer = client.read_answer();
  CHECK(answer.code == (stream ? 200 : 500));
  CHECK(answer.body.find("engine_failed") != std::string::npos);
  CHECK(answer.body.find("[DONE]") == std::string::npos);
  CHECK(under.door->wait_for_cancel(ids[1]));
  CHECK_FALSE(under.door->was_cancelled(ids[0])); // it had ended
  CHECK_FALSE(under.door->was_cancelled(ids[2]));
}

TEST_CASE("a client that goes away cancels all its choices", "[http][choices]") {
  server_under_test under;
  const bool accepted = GENERATE(false, true);
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_body(R"("n":3,"stream":true)")));
  const auto ids = ids_of(under, 3);
  if (accepted)
    for (const auto& id : ids)
      under.door->accept(id);
  client.close();
  for (const auto& id : ids)
    CHECK(under.door->wait_for_cancel(id));
}

TEST_CASE("the best of several choices", "[http][choices]") {
  server_under_test under;
  under.door->on_submit = [](fake_front_door& door, const generation_request& request) {
    const auto number = request.sampling.choice;
    auto events = events_of(request.response_id, {"choice ", std::to_string(number)});
    events.back().output_tokens = number == 3 ? 10 : 2;
    events.back().cumulative_logprob =
        std::array{-3.0, -1.0, -1.0, -4.0}.at(number); // a token: -1.5 -.5 -.5 -.4
    door.accept(request.response_id);
    door.send(request.response_id, events);
  };
  raw_client client(under.port());
  client.send(post("/v1/completions", R"({"prompt":["p","q"],"n":3,"best_of":4})"));
  const auto body = json::parse(client.read_answer().body);
  CHECK(body["object"] == "text_completion");
  REQUIRE(body["choices"].size() == 6);
  const std::array best{"choice 3", "choice 1", "choice 2"};
  for (size_t i = 0; i < 6; ++i) {
    CHECK(body["choices"][i]["text"] == best.at(i % 3));
    CHECK(body["choices"][i]["index"] == i);
    CHECK(body["choices"][i]["logprobs"].is_null());
  }
  CHECK(body["usage"]["prompt_tokens"] == 14); // two prompts
  CHECK(body["usage"]["completion_tokens"] == 32);
  CHECK(under.door->request(0).sampling.logprobs == 0); // to know the best
  CHECK(under.door->request(4).prompt == "q");
  CHECK(under.door->request(4).sampling.choice == 0);
}

TEST_CASE("a completion with and without its prompt", "[http][choices]") {
  server_under_test under;
  under.door->on_submit = answer_with({"one", " two"}, event_kind::incomplete);
  raw_client client(under.port());
  const auto ask = [&](const std::string& fields) {
    client.send(post("/v1/completions", R"({"prompt":"count: ",)" + fields + "}"));
    return client.read_answer().body;
  };
  auto body = json::parse(ask(R"("max_tokens":2)"));
  CHECK(std::string(body["id"]).starts_with("cmpl-"));
  CHECK(body["choices"][0]["text"] == "one two");
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(body["choices"][0]["logprobs"].is_null());
  CHECK(json::parse(ask(R"("echo":true)"))["choices"][0]["text"] == "count: one two");
  body = json::parse(ask(R"("echo":true,"max_tokens":0)"));
  CHECK(body["choices"][0]["text"] == "count: ");
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(body["usage"]["completion_tokens"] == 0);
  CHECK(content_of(chunks_of(ask(R"("echo":true,"stream":true)")), 0) == "count: one two");
  CHECK(content_of(chunks_of(ask(R"("echo":true,"stream":true,"max_tokens":0)")), 0) == "count: ");
  CHECK(content_of(chunks_of(ask(R"("stream":true)")), 0) == "one two");
}
