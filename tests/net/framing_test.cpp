#include "net/server_context.hpp"
#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"
#include "tests/net/temporary_file.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

const std::string smuggled = get("/smuggled");

/// A POST with these header lines, and what follows its header.
std::string request(const std::string& lines, const std::string& rest) {
  return "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + lines + "\r\n" +
         rest;
}

std::string chunked(const std::string& body) {
  return request("Transfer-Encoding: chunked\r\n", body + smuggled);
}

void check_refused(const server_under_test& under, const std::string& bytes) {
  INFO(bytes);
  raw_client client(under.port());
  client.send(bytes);
  const auto answer = client.read_answer();
  CHECK(answer.code == 400);
  CHECK(answer.header("connection") == "close");
  CHECK(client.read_answer().code == 0); // what follows is nobody's request
}

} // namespace

TEST_CASE("lengths and codings that can be read in two ways are refused", "[framing]") {
  server_under_test under;
  const std::string length = "Content-Length: 2\r\n";
  const std::string coding = "Transfer-Encoding: chunked\r\n";
  const std::string both = "0\r\n\r\n" + smuggled;
  const std::string body = "{}" + smuggled;
  for (const auto& bytes : std::vector<std::string>{
           request(length + coding, both),
           request(coding + length, both),
           request(coding + "Content-Length: 0\r\n", both),
           request(length + "Content-Length: 3\r\n", body),
           request(length + length, body),
           request("Content-Length: 2, 2\r\n", body),
           request("Content-Length: 2,3\r\n", body),
           request("Content-Length: 2,\r\n", body),
           request("Content-Length:\r\n", body),
           request("Content-Length: \t\r\n", body),
           request("Content-Length: +2\r\n", body),
           request("Content-Length: -2\r\n", body),
           request("Content-Length: 0x2\r\n", body),
           request("Content-Length: 2.0\r\n", body),
           request("Content-Length: 2e0\r\n", body),
           request("Content-Length: 2 2\r\n", body),
           request("Content-Length: 2;a\r\n", body),
           request("Content-Length: \"2\"\r\n", body),
           request("Content-Length: two\r\n", body),
           request("Content-Length: 18446744073709551618\r\n", body), // 2^64 + 2
           request("Content-Length: 0000000000000000000000000000002\r\n", body),
           request("Content-Length : 2\r\n", body),
           request("Content-Length\t: 2\r\n", body),
           request(" Content-Length: 2\r\n", body),
           request("Content-Length\r\n: 2\r\n", body),
           request("Content-Length:\r\n 2\r\n", body),
           request("Content-Length: 2\r\n 3\r\n", body),
           request(coding + coding, both),
           request("Transfer-Encoding: chunked, chunked\r\n", both),
           request("Transfer-Encoding: xchunked\r\n", both),
           request("Transfer-Encoding: chunkedx\r\n", both),
           request("Transfer-Encoding: chunked, identity\r\n", both),
           request("Transfer-Encoding: identity, chunked\r\n", both),
           request("Transfer-Encoding: identity\r\n", body),
           request("Transfer-Encoding: identity\r\n" + length, body),
           request("Transfer-Encoding: gzip, chunked\r\n", both),
           request("Transfer-Encoding: gzip\r\n", body),
           request("Transfer-Encoding: identity\r\n" + coding, both),
           request("Transfer-Encoding: \"chunked\"\r\n", both),
           request("Transfer-Encoding: chunked;q=1\r\n", both),
           request("Transfer-Encoding: ,chunked\r\n", both),
           request("Transfer-Encoding:\r\n", body),
           request("Transfer-Encoding:\r\n chunked\r\n", both),
           request("Transfer-Encoding:\x0b"
                   "chunked\r\n",
                   both),
           request("Transfer-Encoding: chunked\x0c\r\n", both),
           request("Transfer-Encoding : chunked\r\n", both),
           request("Transfer-Encoding: chunked\r\r\n", both),
           request("Foo: bar\rTransfer-Encoding: chunked\r\n", both),
           request("Foo: bar\nTransfer-Encoding: chunked\r\n", both),
           "POST /v1/responses HTTP/1.0\r\nContent-Type: application/json\r\n" + coding + "\r\n" + both,
       })
    check_refused(under, bytes);
  CHECK(under.door->request_count() == 0);
}

TEST_CASE("chunks that break their coding are refused", "[framing]") {
  server_under_test under;
  const std::string end = "\r\n0\r\n\r\n";
  for (const auto& bytes : std::vector<std::string>{
           chunked("0x2\r\n{}" + end),
           chunked("+2\r\n{}" + end),
           chunked("-2\r\n{}" + end),
           chunked(" 2\r\n{}" + end),
           chunked("2 \r\n{}" + end),
           chunked("2g\r\n{}" + end),
           chunked("\r\n{}" + end),
           chunked(";a=b\r\n{}" + end),
           chunked("10000000000000002\r\n{}" + end), // 2^64 + 2
           chunked("2\n{}" + end),
           chunked("2\r{}" + end),
           chunked("2\r\n{}0\r\n\r\n"),
           chunked("2\r\n{}\n0\r\n\r\n"),
           chunked("3\r\n{}" + end),
           chunked("1\r\n{}" + end),
           chunked("2;a=\"\n\"\r\n{}" + end),
           chunked("2;\r\n{}" + end),
           chunked("2;=b\r\n{}" + end),
           chunked("2\r\n{}\r\n0\n\r\n\r\n"),
           chunked("2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
           chunked("2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
           chunked("2\r\n{}\r\n0\r\nTrailer : x\r\n\r\n"),
           chunked("2\r\n{}\r\n0\r\nno colon\r\n\r\n"),
           request("Transfer-Encoding: chunked\r\n", "2;" + std::string(200'000, 'a')),
           request("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nA: " + std::string(200'000, 'a')),
       })
    check_refused(under, bytes);
  CHECK(under.door->request_count() == 0);
}

TEST_CASE("start lines, targets, hosts and names that are none are refused", "[framing]") {
  server_under_test under;
  const std::string host = "Host: x\r\n\r\n";
  for (const auto& bytes : std::vector<std::string>{
           "GET /livez\r\n\r\n", // HTTP/0.9
           "GET /livez\r\n" + host,
           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           "GET /livez HTTP/2.0\r\n" + host,
           "GET /livez HTTP/1.2\r\n" + host,
           "GET /livez HTTP/1.1 \r\n" + host,
           "GET /livez HTTP/1.1x\r\n" + host,
           "GET /livez http/1.1\r\n" + host,
           "GET  /livez HTTP/1.1\r\n" + host,
           "GET\t/livez HTTP/1.1\r\n" + host,
           "GET /livez\tHTTP/1.1\r\n" + host,
           "GET /li vez HTTP/1.1\r\n" + host,
           "\r\nGET /livez HTTP/1.1\r\n" + host,
           " GET /livez HTTP/1.1\r\n" + host,
           "GET: /livez HTTP/1.1\r\n" + host,
           "GET livez HTTP/1.1\r\n" + host,
           "GET x:80 HTTP/1.1\r\n" + host,
           "CONNECT x:80 HTTP/1.1\r\n" + host,
           "OPTIONS * HTTP/1.1\r\n" + host,
           "GET http://y/livez HTTP/1.1\r\n" + host,
           "GET http:///livez HTTP/1.1\r\n" + host,
           "GET http://user@x/livez HTTP/1.1\r\n" + host,
           "GET ftp://x/livez HTTP/1.1\r\n" + host,
           "GET /livez#x HTTP/1.1\r\n" + host,
           "GET /livez\xc3\xa9 HTTP/1.1\r\n" + host,
           "GET /livez HTTP/1.1\nHost: x\n\n",
           "GET /livez HTTP/1.1\rHost: x\r\r",
           "GET /livez HTTP/1.1\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost:\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x, y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x/y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: user@x\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\nA B: y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\nA\x80: y\r\n\r\n",
           "GET /livez HTTP/1.1\r\nHost: x\r\n" + std::string("A: b\0c\r\n\r\n", 10),
           "GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
           "GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
           request("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"),
           request("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", ""),
       })
    check_refused(under, bytes + smuggled);
}

TEST_CASE("what has one meaning is served", "[framing]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  const std::string hi = R"({"input":"hi"})";
  client.send("GET http://LocalHost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_answer().code == 200);
  client.send("GET http://x:8080?a=b HTTP/1.1\r\nHost: x:8080\r\n\r\n");
  CHECK(client.read_answer().code == 404); // of "/?a=b"
  client.send("GET /livez?a=%20 HTTP/1.1\r\nHost: [::1]:8080\r\nEmpty:\r\nA:b\r\nA:  c \t\r\n\r\n");
  CHECK(client.read_answer().code == 200);
  client.send("get /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_answer().code == 405); // methods have a case
  client.send(request("TRANSFER-ENCODING: Chunked\r\n", "E;a;b=c;d=\"e\\\"f\"\r\n" + hi + "\r\n000\r\n\r\n"));
  CHECK(client.read_answer().code == 200);
  client.send(request("Content-Length: 014\r\n", hi));
  CHECK(client.read_answer().code == 200);
}

TEST_CASE("a body is never the next request", "[framing]") {
  server_under_test under;
  under.door->on_submit = answer_with({"x"});
  raw_client client(under.port());
  const auto with_length = [](const std::string& start, const std::string& body) {
    return fmt::format("{} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", start, body.size(), body);
  };
  client.send(with_length("GET /livez", smuggled) + get("/readyz"));
  CHECK(client.read_answer().body == "ok\n");
  CHECK(client.read_answer().code == 200);
  client.send("GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
              fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", smuggled.size(), smuggled) + get("/readyz"));
  CHECK(client.read_answer().code == 200);
  CHECK(client.read_answer().code == 200);
  client.send(post("/v1/responses", "{} " + smuggled) + get("/readyz"));
  CHECK(client.read_answer().code == 400);
  CHECK(client.read_answer().code == 200);
  client.send(with_length("DELETE /livez", smuggled) + get("/readyz")); // refused before it was read
  CHECK(client.read_answer().code == 405);
  CHECK(client.read_answer().code == 0);
}

TEST_CASE("a trailer is nobody's header", "[framing]") {
  const temporary_file file("first-key-1234\n");
  auto config = test_settings();
  config.api_key_file = file.path();
  server_under_test under(config);
  raw_client client(under.port());
  client.send(chunked("2\r\n{}\r\n0\r\nAuthorization: Bearer first-key-1234\r\nHost: y\r\n\r\n"));
  CHECK(client.read_answer().code == 401);
  CHECK(client.read_answer().code == 0);
  raw_client other(under.port());
  other.send(request("Authorization: Bearer first-key-1234\r\nTransfer-Encoding: chunked\r\n",
                     "2\r\n{}\r\n0\r\nX-Request-Id: other\r\nConnection: close\r\n\r\n") +
             get("/livez"));
  const auto answer = other.read_answer();
  CHECK(answer.code == 400); // of "{}"
  CHECK(answer.header("x-request-id") != "other");
  CHECK(other.read_answer().code == 200);
}

TEST_CASE("header fields that come one by one count together", "[framing][limits]") {
  auto config = test_settings();
  config.header_bytes_max = 2000;
  server_under_test under(config);
  raw_client client(under.port());
  client.send("GET /livez HTTP/1.1\r\nHost: x\r\n");
  bool open = true;
  for (int i = 0; i < 3000 && open; ++i) // the server reads some of them, and then more
    open = client.send("A-Field: " + std::string(80, 'a') + "\r\n");
  const auto answer = client.read_answer();
  CHECK(answer.code == 431);
  raw_client full(under.port());
  const std::string head = "GET /livez HTTP/1.1\r\nHost: x\r\nA: ";
  full.send(head + std::string(2000 - head.size() - 4, 'a') + "\r\n\r\n");
  CHECK(full.read_answer().code == 200);
  full.send(head + std::string(2000 - head.size() - 3, 'a') + "\r\n\r\n");
  CHECK(full.read_answer().code == 431);
}

TEST_CASE("too many large bodies at once", "[framing][limits]") {
  auto config = test_settings();
  config.body_bytes_max = 256 * 1024 * 1024;
  server_under_test under(config);
  under.door->on_submit = answer_with({"x"});
  const size_t half = body_bytes_total_max / 2;
  const std::string head = request(fmt::format("Content-Length: {}\r\n", half + 1), "");
  const std::string body(half, ' ');
  auto first = std::make_unique<raw_client>(under.port());
  REQUIRE(first->send(head + body)); // all but one byte
  raw_client second(under.port());
  REQUIRE(second.send(head + body));
  raw_answer refused;
  for (int attempt = 0; attempt < 100 && refused.code != 503; ++attempt) { // until both have been read
    raw_client third(under.port());
    third.send(post("/v1/responses", std::string(1024, ' ')));
    refused = third.read_answer();
  }
  CHECK(refused.code == 503);
  CHECK(refused.header("retry-after") == "1");
  CHECK(json::parse(refused.body)["error"]["code"] == "too_many_bodies");
  raw_client probe(under.port());
  probe.send(get("/livez"));
  CHECK(probe.read_answer().code == 200); // what has no body is served all the time
  first.reset();
  bool served = false;
  for (int i = 0; i < 200 && !served; ++i) {
    raw_client next(under.port());
    next.send(post("/v1/responses", R"({"input":"hi"})"));
    served = next.read_answer().code == 200;
  }
  CHECK(served);
}
