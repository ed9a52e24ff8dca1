#include "net/client/http_stream_client.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace troupe;

namespace {

/// Serves one connection after the other with canned bytes, over plain sockets.
class canned_server {
public:
  explicit canned_server(std::vector<std::string> answers, bool byte_by_byte = false) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no listener");
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers), byte_by_byte] {
      for (const std::string& answer : answers)
        serve(answer, byte_by_byte);
    });
  }
  ~canned_server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  uint16_t port = 0;
  std::vector<std::string> requests;

private:
  void serve(const std::string& answer, bool byte_by_byte) {
    int peer = accept(listener_, nullptr, nullptr);
    if (peer < 0)
      return;
    std::string request;
    char piece[4096];
    while (request.find("}") == std::string::npos) {
      ssize_t got = read(peer, piece, sizeof piece);
      if (got <= 0)
        break;
      request.append(piece, static_cast<size_t>(got));
    }
    requests.push_back(request);
    size_t step = byte_by_byte ? 1 : answer.size();
    for (size_t at = 0; at < answer.size(); at += step)
      if (send(peer, answer.data() + at, step, MSG_NOSIGNAL) < 0)
        break;
    close(peer);
  }

  int listener_ = -1;
  std::thread thread_;
};

struct recorder final : stream_observer {
  std::vector<std::string> events;
  std::vector<stream_end> ends;
  void on_event(std::string_view, std::string_view data) override { events.emplace_back(data); }
  void on_end(const stream_end& end) override { ends.push_back(end); }
};

std::string chunked(std::vector<std::string> chunks, bool last = true) {
  std::string out =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& chunk : chunks) {
    char size[16];
    snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    out += size + chunk + "\r\n";
  }
  return out + (last ? "0\r\n\r\n" : "");
}

std::shared_ptr<recorder> fetch(canned_server& server) {
  auto heard = std::make_shared<recorder>();
  http_stream_client client(
      {.host = "127.0.0.1", .port = server.port, .headers = {{"Authorization", "Bearer key"}}});
  client.start({"/v1/chat/completions", "{}"}, heard);
  client.run();
  return heard;
}

} // namespace

TEST_CASE("a stream of events arrives, also byte by byte and cut anywhere") {
  for (bool slow : {false, true}) {
    canned_server server({chunked({"data: one\n", "\ndata: t", "wo\n\n", "data: [DONE]\n\n"})}, slow);
    auto heard = fetch(server);
    CHECK(heard->events == std::vector<std::string>{"one", "two", "[DONE]"});
    REQUIRE(heard->ends.size() == 1);
    CHECK(heard->ends[0].http_status == 200);
    CHECK(heard->ends[0].problem.empty());
    CHECK_THAT(server.requests.at(0), Catch::StartsWith("POST /v1/chat/completions HTTP/1.1\r\n") &&
                                          Catch::Contains("Authorization: Bearer key\r\n") &&
                                          Catch::Contains("Content-Length: 2\r\n"));
  }
}

TEST_CASE("a stream without chunks or length ends with the connection") {
  canned_server server({"HTTP/1.1 200 OK\r\n\r\ndata: one\n\n"});
  auto heard = fetch(server);
  CHECK(heard->events == std::vector<std::string>{"one"});
  CHECK(heard->ends.at(0).problem.empty());
}

TEST_CASE("an answer that is cut off is a problem") {
  canned_server server({chunked({"data: one\n\n"}, false)});
  auto heard = fetch(server);
  CHECK(heard->events.size() == 1);
  CHECK_THAT(heard->ends.at(0).problem, Catch::Contains("cut off"));
}

TEST_CASE("an error status is a problem and keeps the body") {
  canned_server server({"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\n\r\n{\"e\":\"x\"}"});
  auto heard = fetch(server);
  CHECK(heard->events.empty());
  CHECK(heard->ends.at(0).http_status == 429);
  CHECK(heard->ends.at(0).problem == "HTTP 429");
  CHECK(heard->ends.at(0).body == "{\"e\":\"x\"}");
}

TEST_CASE("what is not HTTP, and what is not there, is a problem") {
  {
    canned_server server({"SSH-2.0-OpenSSH\r\n"});
    auto heard = fetch(server);
    CHECK(heard->ends.at(0).http_status == 0);
    CHECK_THAT(heard->ends.at(0).problem, Catch::StartsWith("no answer"));
  }
  auto heard = std::make_shared<recorder>();
  http_stream_client client({.host = "127.0.0.1", .port = 1, .headers = {}});
  client.start({"/", "{}"}, heard);
  client.run();
  CHECK_THAT(heard->ends.at(0).problem, Catch::StartsWith("no connection"));
}
