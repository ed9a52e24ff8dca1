#include "cli/bench/http_url.hpp"
#include "cli/bench/load_plan.hpp"
#include "cli/bench/measured_stream.hpp"
#include "cli/bench/serve_page.hpp"
#include "cli/bench/serve_report.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

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
  load_plan plan({.seed = 7, .prompt_tokens = length_distribution(20)});
  CHECK(plan.at(3).prompt == load_plan({.seed = 7, .prompt_tokens = length_distribution(20)}).at(3).prompt);
  CHECK(plan.at(3).prompt != plan.at(4).prompt);
  CHECK(plan.at(3).prompt != load_plan({.seed = 8, .prompt_tokens = length_distribution(20)}).at(3).prompt);
  const auto text = plan.at(0).prompt;
  CHECK(std::count(text.begin(), text.end(), ' ') == 19);
  CHECK(plan.at(0).max_tokens == 64);
}

TEST_CASE("a plan sends a file's prompts in their order, again and again") {
  load_plan plan({.max_tokens = length_distribution(9), .prompts = {{"a", 5}, {"b", 0}}});
  CHECK(plan.at(0).prompt == "a");
  CHECK(plan.at(0).max_tokens == 5);
  CHECK(plan.at(3).prompt == "b");
  CHECK(plan.at(3).max_tokens == 9);
}

TEST_CASE("arrivals are a Poisson process of the wanted rate") {
  constexpr int count = 20'000;
  arrival_process arrivals(1, 100.0), same(1, 100.0);
  std::vector<int64_t> at;
  for (int i = 0; i < count; ++i) {
    at.push_back(arrivals.next_us());
    CHECK(at.back() == same.next_us());
  }
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
  return std::string(R"({"id":"c1","choices":[{"index":0,"delta":{"content":")") + text +
         R"("}}],"usage":null})";
}

const std::string chat_finish =
    R"({"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null})";
const std::string chat_usage =
    R"({"id":"c1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":4}})";

std::string numbered(int number, const char* rest) {
  return R"({"sequence_number":)" + std::to_string(number) + "," + rest + "}";
}

const char* const created = R"("type":"response.created")";
const char* const delta = R"("type":"response.output_text.delta","delta":"ab")";
const char* const text_done = R"("type":"response.output_text.done","text":"ab")";
const char* const completed =
    R"("type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":2}})";

const stream_end fine{.http_status = 200, .problem = {}, .body = {}};

template <class Stream>
request_record record_of(const std::vector<std::string>& events, const stream_end& end = fine) {
  manual_clock clock;
  request_record got;
  Stream stream(clock, clock.now(), [&](request_record record) { got = std::move(record); });
  for (const std::string& data : events)
    stream.on_event("message", data);
  stream.on_end(end);
  return got;
}

std::string chat_problem(const std::vector<std::string>& events, const stream_end& end = fine) {
  return record_of<chat_stream>(events, end).problem;
}

std::string response_problem(const std::vector<std::string>& events) {
  return record_of<response_stream>(events).problem;
}

} // namespace

TEST_CASE("a stream's times are taken from the pieces with text") {
  manual_clock clock;
  request_record got;
  chat_stream stream(clock, clock.now(), [&](request_record record) { got = std::move(record); });
  auto event = [&](const std::string& data, int ms) {
    clock.advance(milliseconds(ms));
    stream.on_event("message", data);
  };
  event(R"({"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null})", 5);
  event(piece("a"), 10);
  event(piece("b"), 20);
  event(piece("c"), 30);
  event(chat_finish, 0);
  event(chat_usage, 1);
  event("[DONE]", 1);
  clock.advance(milliseconds(3));
  stream.on_end(fine);
  CHECK(got.problem.empty());
  CHECK(got.first_text.value() - got.arrived == milliseconds(15));
  CHECK(got.gaps_ms == std::vector<float>{20, 30});
  CHECK(got.ended - got.arrived == milliseconds(70));
  CHECK(got.prompt_tokens == 12);
  CHECK(got.output_tokens == 4);
}

TEST_CASE("what goes wrong in a stream is its problem") {
  CHECK(chat_problem({piece("a"), chat_finish, chat_usage, "[DONE]"}).empty());
  CHECK(chat_problem({piece("a"), chat_finish}) == "the stream ended without [DONE]");
  CHECK(chat_problem({piece("a"), "[DONE]"}) == "the stream ended without finish_reason");
  CHECK(chat_problem({"{", "[DONE]"}) == "an event is not JSON");
  CHECK(chat_problem({R"({"error":{"message":"engine lost"}})"}) == "engine lost");
  const stream_end refused{
      .http_status = 429, .problem = "HTTP 429", .body = R"({"error":{"message":"full"}})"};
  CHECK(chat_problem({}, refused) == "HTTP 429: full");
  CHECK(record_of<chat_stream>({}, refused).kind == "http_429");
  CHECK(chat_problem({}, {.http_status = 502, .problem = "HTTP 502", .body = "<html>"}) == "HTTP 502");
  const stream_end cut{.http_status = 200, .problem = "the answer was cut off: end", .body = {}};
  CHECK(record_of<chat_stream>({piece("a")}, cut).kind == "connection");
}

TEST_CASE("a chat stream must be whole") {
  auto pieces = std::vector<std::string>(5, piece("a")); // for 4 tokens
  pieces.insert(pieces.end(), {chat_finish, chat_usage, "[DONE]"});
  CHECK(chat_problem(pieces) == "5 pieces of text came for 4 tokens");
  CHECK(record_of<chat_stream>(pieces).kind == "not_whole");
  CHECK(chat_problem({chat_finish, piece("a"), chat_usage, "[DONE]"}) == "text came after finish_reason");
  CHECK(chat_problem({chat_finish, chat_finish, "[DONE]"}) == "finish_reason came twice");
  CHECK(chat_problem({chat_finish, "[DONE]", "[DONE]"}) == "an event came after [DONE]");
  CHECK(chat_problem({piece("a"), R"({"id":"c2","choices":[]})"}) == "a chunk of another answer came");
}

TEST_CASE("a stream of a response must be whole") {
  const std::vector<std::string> whole{numbered(0, created), numbered(1, delta), numbered(2, text_done),
                                       numbered(3, completed), "[DONE]"};
  const auto got = record_of<response_stream>(whole);
  CHECK(got.problem.empty());
  CHECK(got.prompt_tokens == 3);
  CHECK(got.output_tokens == 2);
  CHECK(response_problem({numbered(0, created), numbered(2, delta)}) == "event 2 came where 1 was due");
  CHECK(response_problem({numbered(0, created), numbered(0, created)}) == "event 0 came where 1 was due");
  CHECK(response_problem({numbered(0, created), numbered(1, text_done)}) == "the deltas are not the text");
  CHECK(response_problem({numbered(0, delta), "[DONE]"}) == "the stream ended without a terminal event");
  CHECK(response_problem({numbered(0, completed)}) == "the stream ended without [DONE]");
  CHECK(response_problem({numbered(0, completed), numbered(1, delta)}) ==
        "an event came after the terminal one");
  CHECK(response_problem({numbered(0, R"("type":"response.failed","response":{"error":{"message":"m"}})")}) ==
        "m");
}

namespace {

/// Ten requests that worked, one a 100 ms, and thirty that did not.
load_result mixed_load() {
  load_result load;
  for (int i = 1; i <= 10; ++i) {
    request_record record;
    record.arrived = load.begun;
    record.first_text = load.begun + milliseconds(10 * i);
    record.gaps_ms = {1.0f, 2.0f};
    record.last_text = *record.first_text + milliseconds(3);
    record.ended = load.begun + milliseconds(100 * i);
    record.prompt_tokens = 5;
    record.output_tokens = 3;
    load.records.push_back(record);
  }
  for (int i = 0; i < 30; ++i) {
    request_record failed;
    failed.arrived = failed.ended = load.begun;
    failed.kind = "http_500";
    failed.problem = "HTTP <" + std::to_string(500 + i % 25) + ">";
    load.records.push_back(failed);
  }
  load.measured_from = load.begun;
  load.measured_to = load.begun + milliseconds(1000);
  return load;
}

} // namespace

TEST_CASE("a report counts what worked and names what did not") {
  const auto report =
      make_report(mixed_load(), {.first_token_ms = 50, .per_token_ms = 1.6, .end_to_end_ms = 450});
  CHECK(report.requests == 40);
  CHECK(report.completed == 10);
  CHECK(report.failed == 30);
  CHECK(report.seconds == Approx(1.0));
  CHECK(report.requests_per_s == Approx(10.0));
  CHECK(report.output_tokens_per_s == Approx(30.0));
  CHECK(report.first_token_ms.numbers.p50 == 50);
  CHECK(report.first_token_ms.curve.size() == 101);
  CHECK(report.first_token_ms.curve[90] == 90);
  CHECK(report.end_to_end_ms.numbers.p99 == 1000);
  CHECK(report.between_tokens_ms.numbers.count == 20);
  CHECK(report.per_token_ms.numbers.p50 == 1.5);
  CHECK(report.good_share == Approx(4.0 / 40)); // those that ended within 450 ms; failed ones are not good
  CHECK(report.good_per_s == Approx(4.0));
  CHECK(report.kinds == std::map<std::string, size_t>{{"http_500", 30}});
  CHECK(report.problems.size() == 21);
  CHECK(report.problems.at("HTTP <500>") == 2);
  CHECK(report.problems.at("others") == 5);
  CHECK(make_report({}, {}).completed == 0);
}

TEST_CASE("what came in the warm-up is no latency, and what came later no rate") {
  auto load = mixed_load();
  load.records.resize(10);
  load.records[0].arrived -= milliseconds(1);
  load.measured_to = load.begun + milliseconds(500);
  const auto report = make_report(load, {});
  CHECK(report.completed == 9);
  CHECK(report.first_token_ms.numbers.minimum == 20);
  CHECK(report.requests_per_s == Approx(5 / 0.5));
}

TEST_CASE("a page holds its plots and nobody's markup") {
  const auto report = make_report(mixed_load(), {.first_token_ms = 50});
  const auto page = serve_page(report, {{"url", "http://<b>"}, {"client", {{"cores", 2}}}});
  CHECK(page.find("<b>0") == std::string::npos);
  CHECK(page.find("http://&lt;b&gt;") != std::string::npos);
  CHECK(page.find("HTTP &lt;500&gt;") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf\"") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("client cores") != std::string::npos);
  CHECK(serve_page(make_report({}, {}), nlohmann::json::object()).find("<svg") != std::string::npos);
}
