#include "cli/bench/completion_stream.hpp"
#include "cli/bench/http_url.hpp"
#include "cli/bench/load_plan.hpp"
#include "cli/bench/serve_report.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace troupe;

TEST_CASE("an address is taken apart") {
  auto plain = parse_http_url("http://127.0.0.1:8080");
  REQUIRE(plain);
  CHECK(plain->host == "127.0.0.1");
  CHECK(plain->port == 8080);
  CHECK(plain->prefix.empty());
  CHECK(parse_http_url("http://host")->port == 80);
  CHECK(parse_http_url("http://host/v1/")->prefix.empty());
  CHECK(parse_http_url("http://host/llm/v1")->prefix == "/llm");
  CHECK(parse_http_url("http://[::1]:9/")->host == "::1");
  CHECK(parse_http_url("http://[::1]:9/")->port == 9);
  CHECK(parse_http_url("http://[::1]")->port == 80);
  for (const char* bad :
       {"", "host:80", "https://host", "http://", "http://:80", "http://host:0", "http://host:65536",
        "http://host:8o", "http://host:", "http://host/?q", "http://ho st", "http://[::1", "http://[::1]x:80",
        "http://host/a b", "http://ho\r\nst/"})
    CHECK_FALSE(parse_http_url(bad));
}

TEST_CASE("a load is a function of its seed") {
  load_plan plan(7);
  CHECK(plan.prompt(3, 20) == load_plan(7).prompt(3, 20));
  CHECK(plan.prompt(3, 20) != plan.prompt(4, 20));
  CHECK(plan.prompt(3, 20) != load_plan(8).prompt(3, 20));
  std::string text = plan.prompt(0, 50);
  CHECK(std::count(text.begin(), text.end(), ' ') == 49);
  CHECK(plan.arrivals_us(50, 3.0) == load_plan(7).arrivals_us(50, 3.0));
}

TEST_CASE("arrivals are a Poisson process of the wanted rate") {
  constexpr int count = 20'000;
  auto at = load_plan(1).arrivals_us(count, 100.0);
  CHECK(std::is_sorted(at.begin(), at.end()));
  // The mean of n exponential gaps has a standard deviation of 1/sqrt(n): 0.7 % here.
  double mean_us = static_cast<double>(at.back()) / count;
  CHECK(mean_us == Approx(10'000).epsilon(0.03));
  // Of an exponential distribution, the share above its mean is 1/e.
  int above = 0;
  for (size_t i = 1; i < at.size(); ++i)
    above += at[i] - at[i - 1] > 10'000;
  CHECK(static_cast<double>(above) / count == Approx(0.3679).margin(0.015));
}

namespace {

std::string piece(const char* text) {
  return std::string(R"({"choices":[{"index":0,"delta":{"content":")") + text + R"("}}],"usage":null})";
}

} // namespace

TEST_CASE("a stream's times are taken from the pieces with text") {
  manual_clock clock;
  request_record got;
  completion_stream stream(clock, clock.now(), [&](request_record record) { got = std::move(record); });
  auto event = [&](const std::string& data, int ms) {
    clock.advance(milliseconds(ms));
    stream.on_event("message", data);
  };
  event(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null})", 5);
  event(piece("a"), 10);
  event(piece("b"), 20);
  event(piece("c"), 30);
  event(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":4}})", 1);
  event("[DONE]", 1);
  clock.advance(milliseconds(3));
  stream.on_end({.http_status = 200, .problem = {}, .body = {}});
  CHECK(got.problem.empty());
  CHECK(got.first_text.value() - got.arrived == milliseconds(15));
  CHECK(got.gaps_ms == std::vector<float>{20, 30});
  CHECK(got.ended - got.arrived == milliseconds(70));
  CHECK(got.prompt_tokens == 12);
  CHECK(got.output_tokens == 4);
}

TEST_CASE("what goes wrong in a stream is its problem") {
  auto problem_of = [](std::vector<std::string> events, const stream_end& end) {
    manual_clock clock;
    std::string problem;
    completion_stream stream(clock, clock.now(), [&](request_record record) { problem = record.problem; });
    for (const std::string& data : events)
      stream.on_event("message", data);
    stream.on_end(end);
    return problem;
  };
  stream_end fine{.http_status = 200, .problem = {}, .body = {}};
  CHECK(problem_of({piece("a"), "[DONE]"}, fine).empty());
  CHECK(problem_of({piece("a")}, fine) == "the stream ended without [DONE]");
  CHECK(problem_of({"{", "[DONE]"}, fine) == "an event is not JSON");
  CHECK(problem_of({R"({"error":{"message":"engine lost"}})"}, fine) == "engine lost");
  CHECK(problem_of({},
                   {.http_status = 429, .problem = "HTTP 429", .body = R"({"error":{"message":"full"}})"}) ==
        "HTTP 429: full");
  CHECK(problem_of({}, {.http_status = 502, .problem = "HTTP 502", .body = "<html>"}) == "HTTP 502");
}

TEST_CASE("a report counts what worked and names what did not") {
  steady_time start{};
  std::vector<request_record> records;
  for (int i = 1; i <= 10; ++i) {
    request_record record;
    record.arrived = start;
    record.first_text = start + milliseconds(10 * i);
    record.ended = start + milliseconds(100 * i);
    record.gaps_ms = {1.0f, 2.0f};
    record.prompt_tokens = 5;
    record.output_tokens = 3;
    records.push_back(record);
  }
  for (int i = 0; i < 30; ++i) {
    request_record failed;
    failed.arrived = failed.ended = start;
    failed.problem = "HTTP " + std::to_string(500 + i % 25);
    records.push_back(failed);
  }
  serve_report report = make_report(records);
  CHECK(report.completed == 10);
  CHECK(report.seconds == Approx(1.0));
  CHECK(report.requests_per_s == Approx(10.0));
  CHECK(report.output_tokens_per_s == Approx(30.0));
  CHECK(report.first_token_ms.p50 == 50);
  CHECK(report.end_to_end_ms.p99 == 1000);
  CHECK(report.between_tokens_ms.count == 20);
  CHECK(report.problems.size() == 21);
  CHECK(report.problems.at("HTTP 500") == 2);
  CHECK(report.problems.at("others") == 5);
  CHECK(make_report({}).completed == 0);
}
