#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"
#include "tests/net/temporary_file.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

constexpr const char* stream_body = R"({"stream":true,"input":"hi"})";

std::string code_of(const raw_answer& answer) {
  return json::parse(answer.body)["error"]["code"];
}

} // namespace

TEST_CASE("headers are bounded in size and time", "[limits]") {
  auto config = test_settings();
  config.header_bytes_max = 2000;
  config.header_timeout_ms = 150;
  server_under_test under(config);
  SECTION("too many bytes") {
    raw_client client(under.port());
    client.send(get("/livez", "X-Long: " + std::string(3000, 'a') + "\r\n"));
    CHECK(client.read_answer().code == 431);
    CHECK(client.closed());
  }
  SECTION("endless, without a line end") {
    raw_client client(under.port());
    client.send(std::string(100'000, 'a'));
    CHECK(client.read_answer().code >= 400);
    CHECK(client.closed());
  }
  SECTION("too slow") {
    raw_client client(under.port());
    client.send("GET /livez HTTP/1.1\r\nHo");
    CHECK(client.read_answer().code == 408);
    CHECK(client.closed());
  }
  SECTION("nothing at all") {
    raw_client client(under.port());
    CHECK(client.closed());
  }
  SECTION("a body that stops coming") {
    raw_client client(under.port());
    client.send("POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Content-Length: 100\r\n\r\n{");
    CHECK(client.read_answer().code == 408);
    CHECK(client.closed());
  }
}

TEST_CASE("an idle connection is closed", "[limits]") {
  auto config = test_settings();
  config.idle_timeout_ms = 100;
  server_under_test under(config);
  raw_client client(under.port());
  client.send(get("/livez"));
  CHECK(client.read_answer().code == 200);
  CHECK(client.closed());
}

TEST_CASE("bodies are bounded", "[limits]") {
  auto config = test_settings();
  config.body_bytes_max = 1000;
  server_under_test under(config);
  const std::string large = R"({"input":")" + std::string(2000, 'a') + "\"}";
  SECTION("announced") {
    raw_client client(under.port());
    client.send(post("/v1/responses", large));
    const auto answer = client.read_answer();
    CHECK(answer.code == 413);
    CHECK(code_of(answer) == "body_too_large");
    CHECK(client.closed());
    const auto counted = under.numbers.render(); // as the log has it: with its path
    CHECK(counted.find(R"(code="413",path="/v1/responses"} 1)") != std::string::npos);
  }
  SECTION("chunked") {
    raw_client client(under.port());
    client.send("POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; ++i)
      client.send("1f4\r\n" + std::string(500, 'a') + "\r\n");
    CHECK(client.read_answer().code == 413);
    CHECK(client.closed());
  }
  CHECK(under.door->request_count() == 0);
}

TEST_CASE("connections are bounded", "[limits]") {
  auto config = test_settings();
  config.connections_max = 2;
  server_under_test under(config);
  raw_client first(under.port());
  auto second = std::make_unique<raw_client>(under.port());
  first.send(get("/livez"));
  second->send(get("/livez"));
  CHECK(first.read_answer().code == 200);
  CHECK(second->read_answer().code == 200);
  raw_client third(under.port());
  const auto refused = third.read_answer();
  CHECK(refused.code == 503);
  CHECK(code_of(refused) == "too_many_connections");
  CHECK(third.closed());
  second.reset();
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    raw_client next(under.port());
    next.send(get("/livez"));
    served = next.read_answer().code == 200;
  }
  CHECK(served);
}

TEST_CASE("a reader that takes nothing is given up", "[limits]") {
  auto config = test_settings();
  config.unsent_bytes_max = 64 * 1024;
  config.unsent_timeout_ms = 200;
  server_under_test under(config);
  raw_client client(under.port(), 4096);
  client.send(post("/v1/responses", stream_body));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  const std::vector<std::string> deltas(60, std::string(32 * 1024, 'x')); // 2 MB, more than the kernel takes
  auto events = events_of(id, deltas);
  under.door->send(id, {events.begin(), events.begin() + 64});
  CHECK(under.door->wait_for_detach(id));
  CHECK(under.door->acknowledged(id) < 63);
  CHECK(client.closed());
}

TEST_CASE("events beyond all credit end the stream", "[limits]") {
  auto config = test_settings();
  config.unsent_bytes_max = 64 * 1024;
  server_under_test under(config);
  raw_client client(under.port(), 4096);
  client.send(post("/v1/responses", stream_body));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  const std::vector<std::string> deltas(400, std::string(32 * 1024, 'x'));
  const auto events = events_of(id, deltas);
  for (size_t i = 0; i < 404; ++i)
    under.door->send(id, {events[i]});
  client.read_some();
  CHECK(client.closed()); // reads what was on its way
  CHECK(under.door->wait_for_detach(id));
}

TEST_CASE("what is not HTTP is refused", "[limits]") {
  server_under_test under;
  const std::string json_head = "Host: x\r\nContent-Type: application/json\r\n";
  const std::vector<std::string> bad = {
      "\x16\x03\x01\x02\x05\x01garbage\r\n\r\n",
      "GET /livez\r\n\r\n",
      "GET /livez HTTP/3.0\r\nHost: x\r\n\r\n",
      "GET /livez HTTP/1.1\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost x\r\n\r\n",
      "GET /li\x01vez HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /v1/responses HTTP/1.1\r\n" + json_head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
      "POST /v1/responses HTTP/1.1\r\n" + json_head +
          "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
      "POST /v1/responses HTTP/1.1\r\n" + json_head + "Content-Length: -1\r\n\r\n{}",
      "POST /v1/responses HTTP/1.1\r\n" + json_head + "Content-Length: 99999999999999999999\r\n\r\n{}",
      "POST /v1/responses HTTP/1.1\r\n" + json_head +
          "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
  for (const auto& bytes : bad) {
    INFO(bytes);
    raw_client client(under.port());
    client.send(bytes);
    const auto answer = client.read_answer();
    CHECK(answer.code >= 400);
    CHECK(answer.code < 500);
    CHECK(client.closed());
  }
  raw_client after(under.port());
  after.send(get("/livez"));
  CHECK(after.read_answer().code == 200);
}

TEST_CASE("keys are asked for wherever there is data", "[limits]") {
  const temporary_file file("# ours\nfirst-key-1234\n\nsecond-key-5678\n");
  auto config = test_settings();
  config.api_key_file = file.path();
  config.fault_injection = true;
  server_under_test under(config);
  under.door->on_submit = answer_with({"x"});
  for (const auto* open : {"/livez", "/readyz", "/health"}) {
    raw_client client(under.port());
    client.send(get(open));
    CHECK(client.read_answer().code == 200);
  }
  for (const auto* closed : {"/v1/models", "/metrics", "/version", "/v1/models/test/model"}) {
    raw_client client(under.port());
    client.send(get(closed) + get(closed, "Authorization: Bearer second-key-5678\r\n"));
    CHECK(client.read_answer().code == 401);
    CHECK(client.read_answer().code == 200);
  }
  for (const auto* closed : {"/v1/chat/completions", "/v1/responses", "/admin/faults"}) {
    raw_client client(under.port());
    client.send(post(closed, "{}"));
    const auto answer = client.read_answer();
    CHECK(answer.code == 401);
    CHECK(answer.header("www-authenticate") == "Bearer");
  }
  CHECK(under.numbers.requests_rejected_total.of("unauthorized").Value() == 7);
  raw_client socket(under.port());
  CHECK_FALSE(socket.upgrade());
  raw_client allowed(under.port());
  CHECK(allowed.upgrade("Authorization: bearer first-key-1234\r\n"));
}

TEST_CASE("no file descriptors left: no spin, and it recovers", "[limits]") {
  server_under_test under;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  {
    raw_client client(under.port()); // its own descriptor is the last one
    client.send(get("/livez"));
    REQUIRE(client.read_answer().code == 200);
    const int next = dup(0);
    close(next);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(next) + 1; // one for the client below, none for the server
    setrlimit(RLIMIT_NOFILE, &tight);
    raw_client waiting(under.port(), 0, 300);
    timespec cpu_before{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before);
    waiting.send(get("/livez"));
    CHECK(waiting.read_answer().code == 0); // 300 ms without an answer
    timespec cpu_after{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after);
    setrlimit(RLIMIT_NOFILE, &before);
    const double cpu_ms = static_cast<double>(cpu_after.tv_sec - cpu_before.tv_sec) * 1e3 +
                          static_cast<double>(cpu_after.tv_nsec - cpu_before.tv_nsec) / 1e6;
    CHECK(cpu_ms < 60);
    CHECK(waiting.read_answer().code == 200);
  }
}
