#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr const char* create = R"({"type":"response.create","model":"m","input":"hi"})";

int close_code(raw_client& client) {
  while (const auto frame = client.read_frame())
    if (frame->opcode == 8)
      return frame->close_code();
  return 0;
}

} // namespace

TEST_CASE("a frame or a message that stops in its middle ends the connection", "[websocket][limits]") {
  auto config = test_settings();
  config.header_timeout_ms = 150;
  server_under_test under(config);
  const std::string ping("\x89\x80\x01\x02\x03\x04", 6);
  const std::string piece("\x01\x81\x01\x02\x03\x04z", 7);
  const std::vector<std::string> beginnings{
      "\x81",
      "\x81\xfe",
      std::string("\x81\xff\0\0\0\0", 6),
      std::string("\x81\x85\0\0\0\0ab", 8),
      "\x89\x85\x01",
      piece,
      ping + "\x81",
      piece + ping,
      piece + ping + "\x80",
  };
  for (const auto& bytes : beginnings) {
    raw_client client(under.port(), 0, 2000); // the dead-peer time is ten times that
    REQUIRE(client.upgrade());
    client.send(bytes);
    CHECK(client.closed());
  }
  raw_client patient(under.port(), 0, 400);
  REQUIRE(patient.upgrade());
  patient.send(ping); // whole: nothing is waited for
  CHECK_FALSE(patient.closed());
}

TEST_CASE("messages of which each is in time do not add up", "[websocket][limits]") {
  auto config = test_settings();
  config.header_timeout_ms = 300;
  server_under_test under(config);
  raw_client client(under.port(), 0, 50);
  REQUIRE(client.upgrade());
  const std::string frame("\x81\x82\0\0\0\0{}", 8);
  client.send(frame.substr(0, 3));
  for (int i = 0; i < 12; ++i) { // each segment ends one message and begins the next
    client.read_some();          // 50 ms, or an answer
    client.send(frame.substr(3) + frame.substr(0, 3));
  }
  client.send(frame.substr(3));
  client.send_frame(9, "still there?");
  bool pong = false;
  for (int i = 0; i < 40 && !pong; ++i)
    pong = client.read_some().find("still there?") != std::string::npos;
  CHECK(pong);
}

TEST_CASE("empty fragments are no progress", "[websocket][limits]") {
  auto config = test_settings();
  config.header_timeout_ms = 150;
  server_under_test under(config);
  raw_client client(under.port(), 0, 20);
  REQUIRE(client.upgrade());
  client.send_frame(1, "", true, false);
  bool open = true;
  for (int i = 0; i < 200 && open; ++i) {
    client.read_some();
    open = client.send_frame(0, "", true, false);
  }
  CHECK_FALSE(open);
}

TEST_CASE("what must end the connection does not wait for the turn", "[websocket][limits]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(create);
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  SECTION("binary") {
    client.send_frame(2, "{}");
    CHECK(close_code(client) == 1003);
  }
  SECTION("more messages than may wait") {
    for (int i = 0; i < 80; ++i)
      client.send_text(create);
    CHECK(close_code(client) == 1008);
  }
  SECTION("a character cut off before an empty last fragment") {
    client.send_frame(1, "\"\xc3", true, false);
    client.send_frame(0, "");
    CHECK(close_code(client) == 1007);
  }
  CHECK(under.door->request_count() == 1);
  CHECK(client.closed()); // although it never answered the close
}
