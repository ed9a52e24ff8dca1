#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

constexpr const char* chat_body = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* chat_stream_body =
    R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";

std::string error_code_of(const raw_answer& answer) {
  return json::parse(answer.body)["error"]["code"];
}

} // namespace

TEST_CASE("probes, version, models and metrics", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(get("/livez") + get("/readyz") + get("/version") + get("/v1/models") +
              get("/v1/models/test%2Fmodel") + get("/v1/models/test/model?x=1") + get("/v1/models/other") +
              get("/metrics"));
  CHECK(client.read_answer().code == 200);
  CHECK(client.read_answer().body == "ok\n");
  CHECK(json::parse(client.read_answer().body).contains("commit"));
  const auto list = json::parse(client.read_answer().body);
  CHECK(list["object"] == "list");
  CHECK(list["data"][0]["id"] == "test/model");
  CHECK(json::parse(client.read_answer().body)["object"] == "model");
  CHECK(client.read_answer().code == 200);
  const auto unknown = client.read_answer();
  CHECK(unknown.code == 404);
  CHECK(error_code_of(unknown) == "model_not_found");
  const auto page = client.read_answer();
  CHECK(page.header("content-type").starts_with("text/plain; version=0.0.4"));
  CHECK(page.body.find("troupe_http_requests_total{code=\"200\",path=\"/livez\"} 1") != std::string::npos);

  under.door->set_ready(false);
  client.send(get("/health") + get("/livez"));
  CHECK(client.read_answer().code == 503);
  CHECK(client.read_answer().code == 200);
}

TEST_CASE("HEAD has no body", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  client.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n" + get("/livez"));
  const auto head = client.read_answer(true);
  CHECK(head.code == 200);
  CHECK(head.header("content-length") == "3");
  CHECK(client.read_answer().body == "ok\n");
}

TEST_CASE("wrong paths, methods and content types", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(get("/nothing"));
  CHECK(client.read_answer().code == 404);
  client.send(get("/v1/chat/completions"));
  const auto wrong_method = client.read_answer();
  CHECK(wrong_method.code == 405);
  CHECK(wrong_method.header("allow") == "POST");
  CHECK(json::parse(wrong_method.body)["error"]["type"] == "invalid_request_error");
  client.send(get("/v1/responses"));
  CHECK(client.read_answer().code == 426);
  raw_client plain(under.port());
  plain.send(
      "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(plain.read_answer().code == 415);
  CHECK(plain.closed());
  raw_client packed(under.port());
  packed.send(post("/v1/responses", "{}", "Content-Encoding: gzip\r\n"));
  const auto wrong_coding = packed.read_answer();
  CHECK(wrong_coding.code == 415);
  CHECK(wrong_coding.body.find("Content-Encoding gzip") != std::string::npos);
  CHECK(packed.closed());
  raw_client unpacked(under.port());
  unpacked.send(post("/v1/chat/completions", "{}", "Content-Encoding: Identity\r\n"));
  CHECK(unpacked.read_answer().code == 400); // read and understood: it has no messages
  raw_client faults(under.port());
  faults.send(post("/admin/faults", R"({"part":"executor","fault":"kill"})"));
  CHECK(faults.read_answer().code == 404);
}

TEST_CASE("faults are injected only where the settings allow it", "[http]") {
  auto config = test_settings();
  config.fault_injection = true;
  server_under_test under(config);
  raw_client client(under.port());
  client.send(post("/admin/faults", R"({"part":"executor","fault":"kill"})") +
              post("/admin/faults", R"({"part":"nobody","fault":"kill"})"));
  CHECK(client.read_answer().code == 202);
  CHECK(client.read_answer().code == 400);
  REQUIRE(under.door->faults.size() == 1);
  CHECK(under.door->faults[0].kind == fault_kind::kill);
  CHECK(under.door->faults[0].part == engine_part::executor);
}

TEST_CASE("a request id is echoed if it is harmless", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(get("/livez", "X-Request-Id: abc-1.2:3\r\n") + get("/livez", "X-Request-Id: a b\r\n") +
              get("/livez", "X-Request-Id: " + std::string(129, 'a') + "\r\n"));
  CHECK(client.read_answer().header("x-request-id") == "abc-1.2:3");
  CHECK(client.read_answer().header("x-request-id").starts_with("req_"));
  CHECK(client.read_answer().header("x-request-id").starts_with("req_"));
}

TEST_CASE("the request id goes along to the front door", "[http][websocket]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  client.send(post("/v1/responses", R"({"input":"hi"})", "X-Request-Id: mine-1\r\n"));
  const auto answer = client.read_answer();
  CHECK(answer.code == 200);
  raw_client socket(under.port());
  REQUIRE(socket.upgrade("X-Request-Id: mine-2\r\n"));
  socket.send_text(R"({"type":"response.create","input":"hi"})");
  under.door->wait_for_request(1);
  CHECK(under.door->request(0).request_id == "mine-1");
  CHECK(under.door->request(1).request_id == "mine-2");
}

TEST_CASE("a chat completion, whole", "[http][chat]") {
  server_under_test under;
  under.door->on_submit = answer_with({"Hel", "lo \"", "ü\n"});
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_body));
  const auto answer = client.read_answer();
  REQUIRE(answer.code != 0);
  CHECK(answer.code == 200);
  CHECK(answer.header("content-type") == "application/json");
  const auto body = json::parse(answer.body);
  CHECK(body["object"] == "chat.completion");
  CHECK(std::string(body["id"]).starts_with("chatcmpl-"));
  CHECK(body["choices"][0]["message"]["content"] == "Hello \"ü\n");
  CHECK(body["choices"][0]["finish_reason"] == "stop");
  CHECK(body["usage"]["prompt_tokens"] == 7);
  CHECK(body["usage"]["completion_tokens"] == 4);
  CHECK(body["usage"]["total_tokens"] == 11);
  const auto& request = under.door->request(0);
  CHECK(request.response_id.starts_with("resp_"));
  CHECK(request.messages[0].content == "hi");
  CHECK_FALSE(under.door->was_cancelled(request.response_id));
  CHECK(under.door->wait_for_acknowledge(request.response_id, 10));
}

TEST_CASE("a chat completion, streamed", "[http][chat]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a", "b"}, event_kind::incomplete);
  raw_client client(under.port());
  client.send(post("/v1/chat/completions",
                   R"({"stream":true,"stream_options":{"include_usage":true},
                       "messages":[{"role":"user","content":"hi"}]})"));
  const auto answer = client.read_answer();
  REQUIRE(answer.code != 0);
  CHECK(answer.header("content-type").starts_with("text/event-stream"));
  std::vector<std::string> data;
  for (size_t at = 0; at < answer.body.size();) {
    const auto end = answer.body.find("\n\n", at);
    REQUIRE(answer.body.substr(at, 6) == "data: ");
    data.push_back(answer.body.substr(at + 6, end - at - 6));
    at = end + 2;
  }
  REQUIRE(data.size() == 6);
  CHECK(json::parse(data[0])["choices"][0]["delta"]["role"] == "assistant");
  CHECK(json::parse(data[1])["choices"][0]["delta"]["content"] == "a");
  CHECK(json::parse(data[1])["choices"][0]["finish_reason"].is_null());
  CHECK(json::parse(data[2])["choices"][0]["delta"]["content"] == "b");
  CHECK(json::parse(data[3])["choices"][0]["finish_reason"] == "length");
  CHECK(json::parse(data[4])["choices"].empty());
  CHECK(json::parse(data[4])["usage"]["total_tokens"] == 10);
  CHECK(data[5] == "[DONE]");
  client.send(get("/livez"));
  CHECK(client.read_answer().code == 200);
}

TEST_CASE("events reach the client as they come", "[http][chat]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_stream_body));
  const auto id = under.door->wait_for_request(0);
  const auto events = events_of(id, {"first", "second"});
  under.door->accept(id);
  under.door->send(id, {events.begin(), events.begin() + 5});
  CHECK(client.read_until("first").ends_with("first"));
  CHECK(under.door->wait_for_acknowledge(id, 4));
  CHECK(under.door->acknowledged(id) == 4);
  under.door->send(id, {events.begin() + 5, events.end()});
  CHECK(client.read_until("[DONE]\n\n\r\n0\r\n\r\n").find("second") != std::string::npos);
}

TEST_CASE("a refusal of the front door becomes a status", "[http]") {
  server_under_test under;
  under.door->on_submit = [](fake_front_door& door, const generation_request& request) {
    door.reject(request.response_id, {request_error::too_many_requests, "256 requests are waiting", "", 3});
  };
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_stream_body));
  const auto answer = client.read_answer();
  REQUIRE(answer.code != 0);
  CHECK(answer.code == 429);
  CHECK(answer.header("retry-after") == "3");
  CHECK(json::parse(answer.body)["error"]["message"] == "256 requests are waiting");
  client.send(get("/livez"));
  CHECK(client.read_answer().code == 200);
}

TEST_CASE("a failure in the middle of a chat stream is an error object, then the end", "[http][chat]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a"}, event_kind::failed);
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_stream_body));
  const auto answer = client.read_answer();
  REQUIRE(answer.code != 0);
  CHECK(answer.body.find("[DONE]") == std::string::npos);
  const auto last = answer.body.substr(answer.body.rfind("data: ") + 6);
  CHECK(json::parse(last)["error"]["code"] == "engine_failed");
  CHECK(client.closed());
  raw_client whole(under.port());
  whole.send(post("/v1/chat/completions", chat_body));
  CHECK(whole.read_answer().code == 500);
}

TEST_CASE("a client that goes away cancels", "[http]") {
  server_under_test under;
  SECTION("while a whole answer is waited for") {
    raw_client client(under.port());
    client.send(post("/v1/chat/completions", chat_body));
    const auto id = under.door->wait_for_request(0);
    under.door->accept(id);
    client.close();
    CHECK(under.door->wait_for_cancel(id));
  }
  SECTION("before anything was accepted") {
    raw_client client(under.port());
    client.send(post("/v1/responses", R"({"input":"hi","store":false})"));
    const auto id = under.door->wait_for_request(0);
    client.close();
    CHECK(under.door->wait_for_cancel(id));
  }
  SECTION("in the middle of a stream") {
    raw_client client(under.port());
    client.send(post("/v1/chat/completions", chat_stream_body));
    const auto id = under.door->wait_for_request(0);
    const auto events = events_of(id, {"first", "second"});
    under.door->accept(id);
    under.door->send(id, {events.begin(), events.begin() + 5});
    client.read_until("first");
    client.close();
    CHECK(under.door->wait_for_cancel(id));
    under.door->send(id, {events.begin() + 5, events.end()}); // nobody listens: no harm
  }
  raw_client after(under.port());
  after.send(get("/livez"));
  CHECK(after.read_answer().code == 200);
}

TEST_CASE("pipelined requests are answered in order", "[http]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_stream_body) + get("/livez") +
              post("/v1/chat/completions", chat_body) + get("/nothing"));
  CHECK(client.read_answer().header("transfer-encoding") == "chunked");
  CHECK(client.read_answer().body == "ok\n");
  CHECK(json::parse(client.read_answer().body)["object"] == "chat.completion");
  CHECK(client.read_answer().code == 404);
}

TEST_CASE("bodies may be chunked or announced", "[http]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  const std::string head =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const std::string text = chat_body;
  client.send(head + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + text.substr(0, 5) + "\r\n");
  client.send(fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", text.size() - 5, text.substr(5)));
  CHECK(client.read_answer().code == 200);
  client.send(head + fmt::format("Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", text.size()));
  CHECK(client.read_answer().code == 100);
  client.send(text);
  CHECK(client.read_answer().code == 200);
}

TEST_CASE("HTTP/1.0 gets a stream without chunks", "[http]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  client.send(fmt::format("POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\n"
                          "Content-Length: {}\r\n\r\n{}",
                          std::string_view(chat_stream_body).size(), chat_stream_body));
  const auto answer = client.read_answer();
  REQUIRE(answer.code != 0);
  CHECK(answer.header("transfer-encoding").empty());
  CHECK(answer.body.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("stop lets an answer in progress finish", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  raw_client idle(under.port());
  idle.send(get("/livez"));
  idle.read_answer();
  client.send(post("/v1/chat/completions", chat_stream_body));
  const auto id = under.door->wait_for_request(0);
  const auto events = events_of(id, {"first", "second"});
  under.door->accept(id);
  under.door->send(id, {events.begin(), events.begin() + 5});
  client.read_until("first");
  std::thread stopper([&] { under.server->stop(milliseconds(5000)); });
  CHECK(idle.closed());
  under.door->send(id, {events.begin() + 5, events.end()});
  CHECK(client.read_until("[DONE]").ends_with("[DONE]"));
  CHECK(client.closed());
  stopper.join();
  CHECK_FALSE(under.door->was_cancelled(id));
  CHECK_THROWS(raw_client(under.port()));
}

TEST_CASE("stop cancels what does not finish in time", "[http]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/chat/completions", chat_stream_body));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  under.server->stop(milliseconds(20));
  CHECK(under.door->was_cancelled(id));
  CHECK(client.closed());
}

TEST_CASE("a server that cannot start says why", "[http]") {
  metrics numbers("m");
  auto config = test_settings();
  config.host = "0.0.0.0";
  CHECK(http_server::create(config, numbers, system_clock()).error().name == "keys_required");
  config = test_settings();
  config.api_key_file = "/nonexistent/keys";
  const auto no_keys = http_server::create(config, numbers, system_clock());
  CHECK(no_keys.error().name == "bad_key_file");
  CHECK(no_keys.error().message.find("No such file or directory") != std::string::npos);
  server_under_test under;
  config = test_settings();
  config.port = under.port();
  auto second = http_server::create(config, numbers, system_clock());
  REQUIRE(second);
  CHECK((*second)->listen(*under.door).error().name == "listen_failed");
}
