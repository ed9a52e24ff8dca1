#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

constexpr const char* stream_body = R"({"input":"hi","stream":true,"store":false})";

/// A stream that was read whole, and what is needed to read it again.
struct first_reading {
  std::string id;
  std::string door_state;
  std::string token;
  std::vector<response_event> events;
  std::string bytes;
};

first_reading read_first(server_under_test& under, const char* body) {
  first_reading reading;
  raw_client client(under.port());
  const auto index = under.door->request_count();
  client.send(post("/v1/responses", body));
  reading.id = under.door->wait_for_request(index);
  const auto& terms = under.door->request(index).resume;
  reading.door_state = terms.door_state;
  reading.token = terms.stream_token;
  reading.events = events_of(reading.id, {"a", "b", "c"});
  under.door->accept(reading.id);
  under.door->send(reading.id, reading.events);
  reading.bytes = client.read_answer().body;
  return reading;
}

/// The events of a stream's bytes, each with its blank line.
std::vector<std::string> events_in(const std::string& bytes) {
  std::vector<std::string> events;
  for (size_t at = 0; at < bytes.size();) {
    const auto end = bytes.find("\n\n", at);
    events.push_back(bytes.substr(at, end + 2 - at));
    at = end + 2;
  }
  return events;
}

std::string tail_of(const std::vector<std::string>& events, size_t from) {
  std::string joined;
  for (size_t i = from; i < events.size(); ++i)
    joined += events[i];
  return joined;
}

} // namespace

TEST_CASE("a resumed stream has the bytes that are missing", "[resume]") {
  server_under_test under;
  const auto first = read_first(under, stream_body);
  const auto all = events_in(first.bytes);
  REQUIRE(all.size() == first.events.size() + 1); // and [DONE]
  CHECK(json::parse(all[0].substr(all[0].find("data: ") + 6))["response"]["stream_token"] == first.token);
  for (size_t received = 0; received <= first.events.size(); ++received) {
    raw_client client(under.port());
    const auto after = static_cast<int64_t>(received) - 1;
    client.send(get("/v1/responses/" + first.id + "?stream=true&starting_after=" + std::to_string(after) +
                    "&stream_token=" + first.token));
    const auto reader = under.door->wait_for_attach(received);
    CHECK(reader.response_id == first.id);
    CHECK(reader.starting_after == after);
    CHECK(reader.stream_token == first.token);
    const bool nothing_left = received == first.events.size();
    under.door->accept_reader(first.id, first.door_state, nothing_left);
    if (!nothing_left)
      under.door->send(first.id, {first.events.begin() + after + 1, first.events.end()});
    const auto answer = client.read_answer();
    CHECK(answer.code == 200);
    CHECK(answer.header("content-type") == "text/event-stream; charset=utf-8");
    CHECK(answer.body == tail_of(all, received));
  }
}

TEST_CASE("a reader that cannot come back is told why", "[resume]") {
  server_under_test under;
  const auto ask = [&](const std::string& query, const std::string& headers = "") {
    raw_client client(under.port());
    client.send(get("/v1/responses/resp_1?stream=true" + query, headers));
    if (!headers.empty() && !under.door->wait_for_attach(0).response_id.empty())
      under.door->reject("resp_1", {request_error::response_not_found, "gone", "id", 0});
    return client.read_answer();
  };
  for (const char* bad : {"&starting_after=x", "&starting_after=-2", "&starting_after=",
                          "&starting_after=1.5", "&starting_after=99999999999999999999"}) {
    INFO(bad);
    const auto answer = ask(bad);
    CHECK(answer.code == 400);
    CHECK(json::parse(answer.body)["error"]["param"] == "starting_after");
  }
  CHECK(under.door->attach_count() == 0);
  const auto gone = ask("", "X-Stream-Token: strm_1\r\n");
  CHECK(gone.code == 404);
  CHECK(json::parse(gone.body)["error"]["code"] == "response_not_found");
  CHECK(under.door->wait_for_attach(0).stream_token == "strm_1");
  CHECK(under.door->wait_for_attach(0).starting_after == -1);
}

TEST_CASE("a second reader takes the stream over", "[resume]") {
  server_under_test under;
  raw_client first(under.port());
  first.send(post("/v1/responses", R"({"input":"hi","stream":true})"));
  const auto id = under.door->wait_for_request(0);
  const auto events = events_of(id, {"first", "second"});
  under.door->accept(id);
  under.door->send(id, {events.begin(), events.begin() + 5});
  CHECK(first.read_until("first").ends_with("first"));
  raw_client second(under.port());
  second.send(get("/v1/responses/" + id + "?stream=true&starting_after=4"));
  CHECK(under.door->wait_for_attach(0).stream_token.empty());
  under.door->accept_reader(id, under.door->request(0).resume.door_state);
  const auto rest = first.read_until("no such text"); // to the end of the connection
  CHECK(rest.find("response.completed") == std::string::npos);
  CHECK(rest.find("[DONE]") == std::string::npos);
  CHECK_FALSE(rest.ends_with("0\r\n\r\n"));
  under.door->send(id, {events.begin() + 5, events.end()});
  CHECK(events_in(second.read_answer().body).size() == 6); // the rest and [DONE]
  CHECK_FALSE(under.door->was_cancelled(id));
  raw_client later(under.port()); // the record heard of the end through the second reader
  later.send(get("/v1/responses/" + id));
  CHECK(json::parse(later.read_answer().body)["status"] == "completed");
}

TEST_CASE("resuming over a WebSocket", "[resume][websocket]") {
  server_under_test under;
  const auto first = read_first(under, stream_body);
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  const auto message = [&](int64_t after) {
    return json({{"type", "response.resume"},
                 {"response_id", first.id},
                 {"starting_after", after},
                 {"stream_token", first.token}})
        .dump();
  };
  client.send_text(message(3));
  CHECK(under.door->wait_for_attach(0).starting_after == 3);
  under.door->accept_reader(first.id, first.door_state);
  under.door->send(first.id, {first.events.begin() + 4, first.events.end()});
  const auto all = events_in(first.bytes);
  for (size_t i = 4; i < first.events.size(); ++i) {
    const auto data = all[i].substr(all[i].find("data: ") + 6);
    CHECK(client.read_frame()->payload + "\n\n" == data);
  }
  client.send_text(message(10)); // everything was read: an answer all the same
  under.door->wait_for_attach(1);
  under.door->accept_reader(first.id, first.door_state, true);
  const auto nothing = json::parse(client.read_frame()->payload);
  CHECK(nothing["type"] == "error");
  CHECK(nothing["error"]["param"] == "starting_after");
  client.send_text(message(11));
  under.door->wait_for_attach(2);
  under.door->reject(first.id, {request_error::response_not_found, "gone", "id", 0});
  CHECK(json::parse(client.read_frame()->payload)["status"] == 404);
  for (const char* bad : {R"({"type":"response.resume"})", R"({"type":"response.resume","response_id":7})",
                          R"({"type":"response.resume","response_id":"r","starting_after":-2})",
                          R"({"type":"response.resume","response_id":"r","input":"x"})"}) {
    client.send_text(bad);
    CHECK(json::parse(client.read_frame()->payload)["status"] == 400);
  }
  CHECK(under.door->attach_count() == 3);
}

TEST_CASE("comments keep a quiet stream alive, from its first moment", "[resume]") {
  auto config = test_settings();
  config.sse_comment_ms = 20;
  server_under_test under(config);
  raw_client client(under.port());
  client.send(post("/v1/responses", stream_body));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id); // and no event for a long prefill
  CHECK(client.read_until(": keep-alive\n\n").find("text/event-stream") != std::string::npos);
  CHECK(client.read_until(": keep-alive\n\n").ends_with(": keep-alive\n\n"));
  const auto events = events_of(id, {"a"});
  under.door->send(id, events);
  CHECK(client.read_until("[DONE]").ends_with("[DONE]"));
}
