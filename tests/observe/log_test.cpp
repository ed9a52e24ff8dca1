#include "observe/log.hpp"
#include "observe/log_writer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace troupe;
using std::chrono::milliseconds;

namespace {

struct pipe_pair {
  pipe_pair() { REQUIRE(::pipe(ends) == 0); }
  ~pipe_pair() {
    ::close(ends[0]);
    if (ends[1] >= 0)
      ::close(ends[1]);
  }
  int ends[2];

  /// Writes dots until no more fit.
  void fill() {
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    std::string dots(4096, '.');
    while (::write(ends[1], dots.data(), dots.size()) > 0) {
    }
    REQUIRE(::fcntl(ends[1], F_SETFL, 0) == 0);
  }

  /// Reads 32 KiB.
  void make_room() {
    char buffer[32'768];
    REQUIRE(::read(ends[0], buffer, sizeof buffer) == sizeof buffer);
  }

  /// All that was written, once the writing end is closed.
  std::string drain() {
    ::close(ends[1]);
    ends[1] = -1;
    std::string out;
    char buffer[65'536];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }
};

class captured_log {
public:
  captured_log() {
    set_log_sink([this](log_level, std::string_view line) {
      std::lock_guard lock(mutex_);
      lines.emplace_back(line);
    });
  }
  ~captured_log() {
    set_log_sink({});
    set_log_level(log_level::info);
  }
  std::vector<std::string> lines;

private:
  std::mutex mutex_;
};

} // namespace

TEST_CASE("a host application can take the log") {
  captured_log captured;
  log_event(log_level::info, "started", {{"port", 8080}});
  log_event(log_level::debug, "unseen");
  CHECK_FALSE(log_enabled(log_level::debug));
  settings chosen;
  chosen.log_level = "debug";
  set_log_level(chosen);
  log_event(log_level::debug, "seen");
  REQUIRE(captured.lines.size() == 2);
  CHECK(captured.lines[0].ends_with("Z info started port=8080"));
  CHECK(captured.lines[1].ends_with("Z debug seen"));
}

TEST_CASE("a sink that throws loses its line and nothing else") {
  set_log_sink([](log_level, std::string_view) { throw std::runtime_error("full"); });
  uint64_t before = log_lines_dropped();
  log_event(log_level::error, "lost");
  CHECK(log_lines_dropped() == before + 1);
  set_log_sink({});
}

TEST_CASE("many threads log whole lines") {
  captured_log captured;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i)
        log_event(log_level::info, "tick", {{"i", i}});
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(captured.lines.size() == 2000);
}

TEST_CASE("the writer keeps order and ends each line") {
  pipe_pair pipe;
  {
    log_writer writer(pipe.ends[1], 16);
    writer.write("one {} %v"); // no format string
    writer.write("two");
    CHECK(writer.flush(milliseconds(5000)));
    CHECK(writer.dropped() == 0);
  }
  CHECK(pipe.drain() == "one {} %v\ntwo\n");
}

TEST_CASE("a blocked pipe costs lines, never time") {
  pipe_pair pipe;
  pipe.fill();
  constexpr int lines = 3000, queue = 64;
  log_writer writer(pipe.ends[1], queue);
  for (int i = 0; i < lines; ++i)
    writer.write(fmt::format("line={}", i));
  CHECK_FALSE(writer.flush(milliseconds(20)));
  // One line may be in the hand of the thread.
  CHECK(writer.dropped() >= lines - queue - 1);
  CHECK(writer.dropped() < lines);

  // The reader comes back: the newest lines are those that were kept.
  uint64_t dropped = writer.dropped();
  pipe.make_room();
  CHECK(writer.flush(milliseconds(5000)));
  CHECK(writer.dropped() == dropped);
  std::string out = pipe.drain();
  CHECK(static_cast<uint64_t>(std::count(out.begin(), out.end(), '\n')) == lines - dropped);
  CHECK(out.ends_with("line=2998\nline=2999\n"));
}

TEST_CASE("a writer ends although its pipe is blocked") {
  pipe_pair pipe;
  pipe.fill();
  {
    log_writer writer(pipe.ends[1], 16);
    for (int i = 0; i < 100; ++i)
      writer.write("unread");
  }
  CHECK(pipe.drain().find("unread") == std::string::npos);
}

TEST_CASE("a closed reader loses lines, not the program") {
  pipe_pair pipe;
  auto* old = ::signal(SIGPIPE, SIG_IGN);
  ::close(pipe.ends[0]);
  pipe.ends[0] = ::open("/dev/null", O_RDONLY);
  log_writer writer(pipe.ends[1], 16);
  writer.write("nobody hears this");
  CHECK(writer.flush(milliseconds(5000)));
  CHECK(writer.dropped() == 1);
  ::signal(SIGPIPE, old);
}
