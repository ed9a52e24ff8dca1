#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

constexpr const char* create = R"({"type":"response.create","model":"m","input":"hi"})";

json read_json(raw_client& client) {
  const auto frame = client.read_frame();
  return frame && frame->opcode == 1 ? json::parse(frame->payload) : json();
}

/// All messages of a turn, its terminal one last.
std::vector<json> read_turn(raw_client& client) {
  std::vector<json> turn;
  while (true) {
    turn.push_back(read_json(client));
    const std::string type = turn.back().is_null() ? "" : turn.back()["type"];
    if (type.empty() || type == "error" || type == "response.completed" || type == "response.incomplete" ||
        type == "response.failed")
      return turn;
  }
}

int close_code(raw_client& client) {
  while (const auto frame = client.read_frame())
    if (frame->opcode == 8)
      return frame->close_code();
  return 0;
}

} // namespace

TEST_CASE("turns over one WebSocket", "[websocket]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a", "b"});
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  for (int turn = 0; turn < 2; ++turn) {
    client.send_text(create);
    const auto messages = read_turn(client);
    REQUIRE(messages.size() == 10);
    for (size_t i = 0; i < messages.size(); ++i)
      CHECK(messages[i]["sequence_number"] == i); // from 0 in each response
    CHECK(messages[0]["type"] == "response.created");
    CHECK(messages[4]["delta"] == "a");
    CHECK(messages[9]["response"]["status"] == "completed");
  }
  CHECK(under.door->request(0).messages[0].content == "hi");
  CHECK(under.door->wait_for_acknowledge(under.door->request(1).response_id, 9));
}

TEST_CASE("a bad turn leaves the connection usable", "[websocket]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a"});
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  for (const auto* bad : {"nonsense", "[]", R"({"type":"session.update"})", R"({"type":"response.create"})",
                          R"({"type":"response.create","input":"x","stream":true})",
                          R"({"type":"response.create","input":"x","background":false})",
                          R"({"type":"response.create","input":"x","previous_response_id":"resp_1"})"}) {
    client.send_text(bad);
    const auto answer = read_json(client);
    REQUIRE(answer["type"] == "error");
    CHECK(answer["status"] == 400);
    CHECK(answer["error"]["code"].is_string());
    CHECK(answer["error"]["message"].is_string());
    CHECK_FALSE(answer.contains("sequence_number"));
  }
  client.send_text(create);
  CHECK(read_turn(client).back()["type"] == "response.completed");
}

TEST_CASE("a refusal and a failure over WebSocket", "[websocket]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(create);
  auto id = under.door->wait_for_request(0);
  under.door->reject(id, {request_error::not_ready, "loading", "", 1});
  const auto refused = read_turn(client).back();
  CHECK(refused["type"] == "error");
  CHECK(refused["status"] == 503);
  client.send_text(create);
  id = under.door->wait_for_request(1);
  under.door->accept(id);
  under.door->send(id, events_of(id, {"a"}, event_kind::failed));
  const auto failed = read_turn(client).back();
  CHECK(failed["type"] == "response.failed");
  CHECK(failed["response"]["error"]["code"] == "engine_failed");
}

TEST_CASE("turns wait for each other, up to a bound", "[websocket]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(create);
  const auto first = under.door->wait_for_request(0);
  for (int i = 0; i < 9; ++i)
    client.send_text(create);
  client.send_frame(9, "are they all read?");
  const auto pong = client.read_frame();
  REQUIRE(pong);
  CHECK(pong->opcode == 10);
  CHECK(under.door->request_count() == 1);
  under.door->accept(first);
  under.door->on_submit = answer_with({"x"});
  under.door->send(first, events_of(first, {"x"}));
  for (int i = 0; i < 9; ++i)
    CHECK(read_turn(client).back()["type"] == "response.completed");
  const auto refused = read_turn(client).back(); // the tenth
  CHECK(refused["type"] == "error");
  CHECK(refused["status"] == 429);
}

TEST_CASE("a WebSocket client that goes away may come back, one that closes cancels", "[websocket]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(create);
  const auto id = under.door->wait_for_request(0);
  SECTION("without a word") {
    client.close();
    CHECK(under.door->wait_for_detach(id));
    CHECK_FALSE(under.door->was_cancelled(id));
  }
  SECTION("with a code for an accident") {
    client.send_frame(8, "\x03\xf3"); // 1011
    CHECK(under.door->wait_for_detach(id));
  }
  SECTION("with a close frame") {
    client.send_frame(8, "\x03\xe8");
    CHECK(close_code(client) == 1000); // and does not close its socket yet
    CHECK(under.door->wait_for_cancel(id));
  }
  SECTION("with a close frame, after it was accepted") {
    under.door->accept(id);
    const auto events = events_of(id, {"a"});
    under.door->send(id, {events.begin(), events.begin() + 1});
    read_json(client);
    client.send_frame(8, "\x03\xe9");     // 1001
    CHECK(under.door->wait_for_stop(id)); // the record hears of the end
  }
}

TEST_CASE("frames that break the protocol", "[websocket]") {
  auto config = test_settings();
  config.body_bytes_max = 1000;
  server_under_test under(config);
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  SECTION("not masked") {
    client.send_frame(1, "{}", false);
    CHECK(close_code(client) == 1002);
  }
  SECTION("unknown opcode") {
    client.send_frame(5, "{}");
    CHECK(close_code(client) == 1002);
  }
  SECTION("continuation of nothing") {
    client.send_frame(0, "{}");
    CHECK(close_code(client) == 1002);
  }
  SECTION("not UTF-8") {
    client.send_frame(1, "\xff\xfe");
    CHECK(close_code(client) == 1007);
  }
  SECTION("too big") {
    client.send_frame(1, std::string(1001, 'a'));
    CHECK(close_code(client) == 1009);
  }
  SECTION("too big in pieces") {
    client.send_frame(1, std::string(600, 'a'), true, false);
    client.send_frame(0, std::string(600, 'a'), true, true);
    CHECK(close_code(client) == 1009);
  }
  SECTION("binary") {
    client.send_frame(2, "{}");
    CHECK(close_code(client) == 1003);
  }
  CHECK(under.door->request_count() == 0);
  raw_client after(under.port());
  CHECK(after.upgrade());
}

TEST_CASE("a message that stops in the middle", "[websocket]") {
  auto config = test_settings();
  config.header_timeout_ms = 100;
  server_under_test under(config);
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_frame(1, "{", true, false);
  CHECK(client.closed());
}

TEST_CASE("a WebSocket ends at its time limit, between turns", "[websocket]") {
  auto config = test_settings();
  config.websocket_lifetime_ms = 100;
  server_under_test under(config);
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(create);
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  raw_client other(under.port()); // opened later, so it ends later than the first
  REQUIRE(other.upgrade());
  CHECK(read_turn(other).back()["error"]["code"] == "websocket_connection_limit_reached");
  CHECK(close_code(other) == 1000);
  under.door->send(id, events_of(id, {"a"}));
  CHECK(read_turn(client).back()["type"] == "response.completed");
  CHECK(read_turn(client).back()["error"]["code"] == "websocket_connection_limit_reached");
  CHECK(close_code(client) == 1000);
}

TEST_CASE("a page of another origin may not connect", "[websocket]") {
  server_under_test under;
  raw_client same(under.port());
  CHECK(same.upgrade("Origin: http://localhost\r\n"));
  raw_client other(under.port());
  other.send("GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Origin: http://evil.example\r\n\r\n");
  CHECK(other.read_answer().code == 403);
}

TEST_CASE("stop ends a WebSocket after its turn", "[websocket]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  under.server->stop(milliseconds(50));
  CHECK(close_code(client) == 1001);
}

TEST_CASE("a WebSocket reader that takes nothing is given up", "[websocket]") {
  auto config = test_settings();
  config.unsent_timeout_ms = 200;
  server_under_test under(config);
  raw_client client(under.port(), 4096);
  REQUIRE(client.upgrade());
  client.send_text(create);
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  const std::vector<std::string> deltas(60, std::string(32 * 1024, 'x'));
  const auto events = events_of(id, deltas);
  under.door->send(id, {events.begin(), events.begin() + 64});
  CHECK(under.door->wait_for_detach(id));
}
