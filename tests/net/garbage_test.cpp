#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Some bytes changed, dropped, doubled or cut off, by a seed.
std::string mutate(std::string bytes, std::mt19937& random) {
  const auto any = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
  for (size_t changes = 1 + any(6); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = any(bytes.size());
    switch (any(5)) {
    case 0:
      bytes[at] = static_cast<char>(any(256));
      break;
    case 1:
      bytes.erase(at, 1 + any(8));
      break;
    case 2:
      bytes.insert(at, bytes.substr(any(bytes.size()), any(32)));
      break;
    case 3:
      bytes.insert(at, any(2) ? "\r\n" : "\"");
      break;
    default:
      bytes.resize(at);
    }
  }
  return bytes;
}

bool still_serves(const server_under_test& under) {
  raw_client client(under.port());
  client.send(get("/livez"));
  return client.read_answer().code == 200;
}

} // namespace

TEST_CASE("mutated requests do no harm", "[garbage]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  std::mt19937 random(20'260'424);
  const std::vector<std::string> seeds = {
      get("/v1/models", "X-Request-Id: a\r\nConnection: keep-alive\r\n"),
      post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}],"temperature":0.5})"),
      post("/v1/responses",
           R"({"input":[{"role":"user","content":[{"type":"input_text","text":"é"}]}],"stream":true})"),
      "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\ne;x=y\r\n{\"input\":\"hi\"}\r\n0\r\nT: "
      "1\r\n\r\n",
  };
  for (int round = 0; round < 800; ++round) {
    raw_client client(under.port());
    client.send(mutate(seeds[static_cast<size_t>(round) % seeds.size()], random));
    client.shutdown_send();
    CHECK(client.closed());
  }
  CHECK(still_serves(under));
}

TEST_CASE("mutated WebSocket messages and frames do no harm", "[garbage]") {
  auto config = test_settings();
  config.header_timeout_ms = 200;
  server_under_test under(config);
  under.door->on_submit = answer_with({"x"});
  std::mt19937 random(7);
  const std::string create =
      R"({"type":"response.create","input":"hé","temperature":0.5,"metadata":{"a":"b"}})";
  for (int round = 0; round < 300; ++round) {
    raw_client client(under.port());
    REQUIRE(client.upgrade());
    if (round % 2 == 0) {
      client.send_text(mutate(create, random));
    } else {
      std::string frame("\x81\x8e\0\0\0\0", 6); // masked with zeros
      client.send(mutate(frame + R"({"input":"a"})" + " ", random));
    }
    client.send_frame(8, "\x03\xe8");
    client.shutdown_send();
    CHECK(client.closed());
  }
  CHECK(still_serves(under));
}
