#include "cli/batch/batch_run.hpp"

#include "fake_door.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

using namespace troupe;
using json = nlohmann::json;

namespace {

/// Two files of one test, gone at its end.
struct files {
  std::string in = "/tmp/troupe_batch_in_" + std::to_string(::getpid());
  std::string out = "/tmp/troupe_batch_out_" + std::to_string(::getpid());

  ~files() {
    std::remove(in.c_str());
    std::remove(out.c_str());
  }

  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

  std::string results() const {
    std::ostringstream text;
    text << std::ifstream(out).rdbuf();
    return text.str();
  }

  std::vector<json> lines() const {
    std::istringstream text(results());
    std::vector<json> found;
    for (std::string line; std::getline(text, line);)
      found.push_back(json::parse(line));
    return found;
  }
};

std::string chat(const char* id, const char* more = "") {
  return std::string(R"({"custom_id":")") + id +
         R"(","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"x"}])" +
         more + "}}\n";
}

result<batch_counts> run_once(const files& used, fake_door& door, int64_t patience_ms = 60'000) {
  auto input = batch_input::open(used.in);
  REQUIRE(input);
  auto results = batch_results::open(used.out);
  REQUIRE(results);
  signal_watch signals{SIGUSR1};
  batch_run run(door, settings{}, system_clock(), {.concurrency = 2, .patience_ms = patience_ms});
  return run.run(*input, *results, signals, [](const batch_counts&) {});
}

} // namespace

TEST_CASE("each line of a batch gets one result") {
  files used;
  files::write(used.in, chat("a") + "\n" + "{\n" + chat("b", R"(,"stream":true)") + chat("c"));
  fake_door door;
  door.scripts = {{.pieces = {"one", "two"}, .problem = {}},
                  {.pieces = {}, .end = event_kind::failed, .problem = "lost"}};
  const auto counts = run_once(used, door);
  REQUIRE(counts);
  CHECK(counts->done == 4);
  CHECK(counts->failed == 3);
  const auto lines = used.lines();
  REQUIRE(lines.size() == 4);
  std::map<std::string, json> by_id;
  for (const auto& line : lines)
    by_id[line["custom_id"].is_null() ? "" : line["custom_id"].get<std::string>()] = line;
  CHECK(by_id["a"]["response"]["status_code"] == 200);
  CHECK(by_id["a"]["error"].is_null());
  CHECK(by_id["b"]["response"]["status_code"] == 400);
  CHECK(by_id["b"]["response"]["body"]["error"]["param"] == "stream");
  CHECK(by_id["c"]["response"]["status_code"] == 500);
  CHECK(by_id[""]["error"]["line"] == 3);
  REQUIRE(door.requests.size() == 2);
  CHECK(door.requests[0].seed.has_value()); // of its custom_id
  CHECK(door.requests[0].seed != door.requests[1].seed);
}

TEST_CASE("a batch goes on where it was torn") {
  files used;
  files::write(used.in, chat("a") + chat("b") + "{\n");
  fake_door first;
  REQUIRE(run_once(used, first));
  const auto whole = used.results();
  const size_t lines[] = {0, whole.find('\n') + 1, whole.find('\n', whole.find('\n') + 1) + 1};
  for (size_t length = 0; length <= whole.size(); length += length + 7 < whole.size() ? 7 : 1) {
    files::write(used.out, whole.substr(0, length));
    const auto kept =
        static_cast<size_t>(std::count(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length), '\n'));
    fake_door again;
    const auto counts = run_once(used, again);
    REQUIRE(counts);
    CHECK(counts->done == 3 - kept);
    CHECK(used.lines().size() == 3);
    CHECK(used.results().starts_with(whole.substr(0, kept < 3 ? lines[kept] : whole.size())));
  }
  // A tail of zeros: what some file systems leave of a write that the power cut off.
  files::write(used.out, whole.substr(0, lines[1]) + std::string(20, '\0') + "\n");
  fake_door again;
  CHECK(run_once(used, again)->done == 2);
  CHECK(used.lines().size() == 3);
}

TEST_CASE("what is in the way is left alone") {
  files used;
  files::write(used.out, "a diary\nin two lines\n");
  CHECK_FALSE(batch_results::open(used.out));
  CHECK(used.results() == "a diary\nin two lines\n");
  const std::string one = R"({"custom_id":"a","response":{"status_code":200},"error":null})"
                          "\n";
  files::write(used.out, one + one + "x");
  CHECK_FALSE(batch_results::open(used.out)); // twice
  CHECK(used.results() == one + one + "x");
  files::write(used.out, one);
  const auto held = batch_results::open(used.out);
  REQUIRE(held);
  CHECK_FALSE(batch_results::open(used.out)); // another run has it
  CHECK_FALSE(batch_results::open("/nowhere/at/all"));
  CHECK_FALSE(batch_results::open("/dev/null"));
}

TEST_CASE("two requests of one name are refused before anything runs") {
  files used;
  files::write(used.in, chat("a") + chat("b") + chat("a"));
  const auto input = batch_input::open(used.in);
  REQUIRE_FALSE(input);
  CHECK(input.error().message.find("lines 1 and 3") != std::string::npos);
  files::write(used.in, "\n \n");
  CHECK_FALSE(batch_input::open(used.in));
  CHECK_FALSE(batch_input::open("/dev/null"));
}

TEST_CASE("a full engine is asked again, for so long") {
  files used;
  files::write(used.in, chat("a"));
  const fake_door::script full{
      .pieces = {}, .error = request_error::too_many_requests, .problem = "full", .rejected = true};
  fake_door door;
  door.scripts = {full, full, {.pieces = {"x"}, .problem = {}}};
  const auto counts = run_once(used, door);
  REQUIRE(counts);
  CHECK(counts->failed == 0);
  CHECK(door.requests.size() == 3);
  CHECK(door.requests[0].seed == door.requests[2].seed);
  std::remove(used.out.c_str());
  fake_door hopeless;
  hopeless.scripts = {full, full};
  CHECK(run_once(used, hopeless, 0)->failed == 1);
  CHECK(used.lines()[0]["response"]["status_code"] == 429);
}

TEST_CASE("lines of a batch that are no requests") {
  simdjson::dom::parser parser;
  const auto code = [&](const std::string& text) {
    const auto line = parse_batch_line(parser, text);
    return line ? std::string() : line.error().code;
  };
  CHECK(code(chat("a")).empty());
  CHECK(code("") == "invalid_json");
  CHECK(code("[]") == "invalid_json");
  CHECK(code("{\"custom_id\": \"\xff\"}") == "invalid_json");
  CHECK(code("{}") == "invalid_line");
  CHECK(code(R"({"custom_id": ""})") == "invalid_line");
  CHECK(code(R"({"custom_id": ")" + std::string(custom_id_bytes_max + 1, 'x') + "\"}") == "invalid_line");
  CHECK(code(R"({"custom_id": "a", "url": "/x", "body": {}})") == "invalid_method");
  CHECK(code(R"({"custom_id": "a", "method": "POST", "body": {}})") == "invalid_line");
  CHECK(code(R"({"custom_id": "a", "method": "POST", "url": "/x", "body": []})") == "invalid_line");
}
