#include "supervision/frame_link.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace troupe;

namespace {

/// Runs a link on a thread and keeps what comes.
class reading_end {
public:
  explicit reading_end(file_descriptor socket, frame_limits limits = {})
      : link(std::move(socket), limits), done_(std::async(std::launch::async, [this] {
          return link.run([this](std::string_view message) {
            const std::scoped_lock lock(mutex_);
            messages_.emplace_back(message);
            changed_.notify_all();
          });
        })) {}
  ~reading_end() { link.close(); }

  std::vector<std::string> wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return messages_.size() >= count; });
    return messages_;
  }

  std::string why_it_ended() {
    REQUIRE(done_.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    return done_.get();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;

public:
  frame_link link;

private:
  std::future<std::string> done_;
};

std::pair<file_descriptor, file_descriptor> ends() {
  auto pair = frame_link::pair();
  REQUIRE(pair);
  return std::move(*pair);
}

void send_raw(int socket, const std::string& bytes) {
  REQUIRE(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

} // namespace

TEST_CASE("messages arrive whole and in order, in both directions") {
  auto [one, other] = ends();
  reading_end a(std::move(one)), b(std::move(other));
  const std::vector<std::string> sent{"first", "", std::string(frame_link::frame_bytes_max, 'x'),
                                      std::string(3'000'001, 'y'), "last"};
  for (const auto& each : sent) {
    CHECK(a.link.send(each));
    CHECK(b.link.send(each));
  }
  CHECK(a.wait_for(sent.size()) == sent);
  CHECK(b.wait_for(sent.size()) == sent);
}

TEST_CASE("many senders do not mix their messages") {
  auto [one, other] = ends();
  reading_end a(std::move(one)), b(std::move(other));
  std::vector<std::thread> senders;
  for (char letter : {'a', 'b', 'c'})
    senders.emplace_back([&a = a, letter] {
      for (int i = 0; i < 200; ++i)
        a.link.send(std::string(10'000, letter));
    });
  for (auto& each : senders)
    each.join();
  for (const auto& each : b.wait_for(600))
    REQUIRE(each == std::string(10'000, each.front()));
  CHECK(b.wait_for(600).size() == 600);
}

TEST_CASE("a peer that does not read costs memory up to the bound, never time") {
  auto [one, other] = ends();
  frame_link link(std::move(one), {.unsent_bytes_max = 4 << 20});
  const std::string message(1 << 20, 'x');
  int taken = 0;
  while (taken < 100 && link.send(message))
    ++taken;
  CHECK(taken >= 4);
  CHECK(taken < 10);
  CHECK_FALSE(link.send("x")); // the link is down
  CHECK(link.run([](std::string_view) {}) == "closed");
}

TEST_CASE("the end of the peer is noticed") {
  auto [one, other] = ends();
  reading_end a(std::move(one));
  other.reset();
  CHECK(a.why_it_ended() == "the peer is gone");
  CHECK_FALSE(a.link.send("x"));
}

TEST_CASE("what a peer said before it went is heard, although it takes nothing more") {
  auto [one, other] = ends();
  frame_link link(std::move(one));
  send_raw(other.get(), std::string("\x04\0\0\0", 4) + "last");
  other.reset();
  CHECK_FALSE(link.send("x"));
  std::vector<std::string> heard;
  CHECK(link.run([&](std::string_view message) { heard.emplace_back(message); }) == "the peer is gone");
  CHECK(heard == std::vector<std::string>{"last"});
}

TEST_CASE("closing ends a run") {
  auto [one, other] = ends();
  reading_end a(std::move(one));
  a.link.close();
  CHECK(a.why_it_ended() == "closed");
}

TEST_CASE("a frame or a message that is too long is refused before it is taken") {
  auto [one, other] = ends();
  SECTION("a frame") {
    reading_end a(std::move(one));
    send_raw(other.get(), std::string("\xFF\xFF\xFF\x7F", 4));
    CHECK(a.why_it_ended() == "a frame is longer than 256 KiB");
  }
  SECTION("a message") {
    reading_end a(std::move(one), {.message_bytes_max = 5});
    send_raw(other.get(), std::string("\x04\0\0\x80", 4) + "1234" + std::string("\x02\0\0\0", 4) + "56");
    CHECK(a.why_it_ended() == "a message is too long");
    CHECK(a.wait_for(0).empty());
  }
}

TEST_CASE("what is not understood takes the link down, not the process") {
  auto [one, other] = ends();
  frame_link link(std::move(one));
  send_raw(other.get(), std::string("\x01\0\0\0", 4) + "?");
  CHECK(link.run([](std::string_view) { throw std::runtime_error("nonsense"); }) ==
        "a message was not understood: nonsense");
}

TEST_CASE("round trips over a link", "[.][timing]") {
  auto [one, other] = ends();
  frame_link a(std::move(one)), b(std::move(other));
  std::thread echo([&b] { b.run([&b](std::string_view message) { b.send(message); }); });
  using clock = std::chrono::steady_clock;
  std::vector<double> us;
  auto sent = clock::now();
  std::thread asker([&] {
    a.run([&](std::string_view) {
      us.push_back(std::chrono::duration<double, std::micro>(clock::now() - sent).count());
      ::poll(nullptr, 0, 4); // as far apart as steps are
      if (us.size() == 500)
        return a.close();
      sent = clock::now();
      a.send(std::string(200, 'x'));
    });
  });
  a.send("x");
  asker.join();
  b.close();
  echo.join();
  std::sort(us.begin(), us.end());
  WARN("round trip of 200 bytes, 4 ms apart: P50 " << us[250] << " us, P99 " << us[495] << " us");
}
