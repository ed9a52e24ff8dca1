#include "tests/sim/cluster_case.hpp"
#include "tests/sim/log_checker.hpp"

#include "actors/messages.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <functional>
#include <sstream>

using namespace troupe;
using namespace troupe::sim;

namespace {

/// An undisturbed log of one client and two nodes, as text: the checker must take any log.
constexpr const char* good_log = R"(0 expect - r1 0 0 0 
0 expect - r1 1 1 0 
0 expect - r1 2 4 1 <5>
0 expect - r1 3 8 2 <5><6>
0 cap - copies 8 0 0 
0 born a - 1 0 0 
0 born b - 1 0 0 
1000 up a b 1 0 0 
1000 up b a 1 0 0 
2000 submit c1 r1 60000000 1 0 
2100 own a r1 1 0 0 
2200 accepted c1 r1 0 0 0 
2300 event c1 r1 0 0 0 
2400 event c1 r1 1 1 0 
2500 begin b r1 1 0 0 
2600 work b r1 1 0 0 
2700 result b r1 1 0 0 
2800 take a r1 1 1 0 a
2900 event c1 r1 2 4 1 <5>
3000 work b r1 1 0 1 
3100 result b r1 1 0 0 
3200 take a r1 1 1 1 a
3250 size a copies 3 0 0 
3300 event c1 r1 3 8 2 <5><6>
4000 calm - - 0 0 0 
5000 view a - 0 0 0 a b
5000 view b - 0 0 0 a b
5000 end - - 0 0 0 
)";

std::vector<log_record> parsed(const std::string& text) {
  std::vector<log_record> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto record = parse_line(line);
    REQUIRE(record.has_value());
    out.push_back(*record);
  }
  return out;
}

/// What the checker says of the good log after a change.
std::string verdict(const std::function<void(std::vector<log_record>&)>& change) {
  auto log = parsed(good_log);
  change(log);
  log_checker checker;
  for (const auto& record : log)
    checker.read(record);
  std::string out;
  for (const auto& sentence : checker.finish())
    out += sentence + "\n";
  return out;
}

/// The same with a line put in before the first one that begins with `before`.
std::string with(const std::string& line, const std::string& before = "4000 ") {
  return verdict([&](std::vector<log_record>& log) {
    const auto at = std::ranges::find_if(
        log, [&](const log_record& record) { return to_line(record).starts_with(before); });
    REQUIRE(at != log.end());
    log.insert(at, parsed(line + "\n").front());
  });
}

/// The same without the first line that begins so.
std::string without(const std::string& line) {
  return verdict([&](std::vector<log_record>& log) {
    const auto at = std::ranges::find_if(
        log, [&](const log_record& record) { return to_line(record).starts_with(line); });
    REQUIRE(at != log.end());
    log.erase(at);
  });
}

std::string instead(const std::string& line, const std::string& other) {
  return verdict([&](std::vector<log_record>& log) {
    const auto at = std::ranges::find_if(
        log, [&](const log_record& record) { return to_line(record).starts_with(line); });
    REQUIRE(at != log.end());
    *at = parsed(other + "\n").front();
  });
}

bool names(const std::string& sentences, int invariant) {
  return sentences.find(fmt::format("invariant {}:", invariant)) != std::string::npos;
}

} // namespace

TEST_CASE("a log survives its text, and a good one is good", "[checker]") {
  std::string again;
  for (const auto& record : parsed(good_log))
    again += to_line(record) + "\n";
  CHECK(again == good_log);
  CHECK(verdict([](auto&) {}).empty());
  CHECK_FALSE(parse_line("x expect - r1 0 0 0 ").has_value());
  CHECK_FALSE(parse_line("1 nonsense - r1 0 0 0 ").has_value());
  CHECK_FALSE(parse_line("1 expect - r1 0 a 0 ").has_value());
}

TEST_CASE("invariant 1: an accepted request ends once, a refused one never runs", "[checker]") {
  CHECK(names(without("3300 event"), 1));
  CHECK(names(with("3400 gap c1 r1 0 0 0 response_not_found", "3300 "), 1));
  CHECK(names(instead("2200 accepted", "2200 rejected c1 r1 0 0 0 too_many_requests"), 1));
  CHECK(names(with("3400 rejected c1 r1 0 0 0 "), 1));
  CHECK(names(with("3400 submit c2 r2 60000000 1 0 "), 1));
  CHECK(names(instead("3300 event", "3300 event c1 r1 3 10 1 cancelled"), 1));
}

TEST_CASE("invariant 2: numbers have no gap and no repeat, and nothing follows the end", "[checker]") {
  CHECK(names(without("2400 event"), 2));
  CHECK(names(with("2950 event c1 r1 2 4 1 <5>", "3000 "), 2));
  CHECK(names(with("3400 event c1 r1 4 4 3 <7>"), 2));
}

TEST_CASE("invariant 3: one epoch at a time, and one byte at a number", "[checker]") {
  CHECK(names(with("3150 take a r1 1 2 1 a", "3200 "), 3));
  CHECK(names(with("3150 take a r1 2 0 1 b", "3200 "), 3));
  CHECK(names(with("3400 event c1 r1 2 4 1 <9>"), 3));
  CHECK(names(with("2950 attach c1 r1 1 0 0 ", "3000 "), 3));
}

TEST_CASE("invariant 4: the tokens are those of the undisturbed run", "[checker]") {
  CHECK(names(instead("2900 event", "2900 event c1 r1 2 4 1 <7>"), 4));
  CHECK(names(instead("3300 event", "3300 event c1 r1 3 9 2 <5><6>"), 4));
}

TEST_CASE("invariant 5: what is counted is what was delivered", "[checker]") {
  CHECK(names(instead("3300 event", "3300 event c1 r1 3 8 3 <5><6>"), 5));
}

TEST_CASE("invariant 7: nothing of a faulted step is used", "[checker]") {
  CHECK(names(with("3050 fault b r1 1 0 0 ", "3100 "), 7));
  CHECK_FALSE(names(with("3150 fault b r1 1 0 0 ", "3200 "), 7));
}

TEST_CASE("invariant 8: deadlines hold, and cancelled work stops", "[checker]") {
  CHECK(
      names(instead("2000 submit", "2000 submit c1 r1 2500 1 0 ") + verdict([](std::vector<log_record>& log) {
              for (auto& record : log)
                if (record.kind == log_kind::submit)
                  record.number = 2500;
                else if (record.us > 2500)
                  record.us += 2'000'000;
            }),
            8));
  CHECK(names(verdict([](std::vector<log_record>& log) {
                auto late = parsed("3000 cancel c1 r1 0 0 0 \n1500000 work b r1 1 0 2 \n");
                log.insert(log.end() - 1, late.begin(), late.end());
              }),
              8));
  CHECK(names(instead("3300 event", "3300 event c1 r1 3 10 2 deadline_exceeded"), 8));
}

TEST_CASE("invariant 9: what has a bound stays under it", "[checker]") {
  CHECK(names(with("3260 size a copies 9 0 0 "), 9));
  CHECK(names(with("3260 size a unknown 1 0 0 "), 9));
}

TEST_CASE("invariant 10: one event a death, and everybody notices", "[checker]") {
  const auto dead = [](const std::string& lines) {
    return verdict([&](std::vector<log_record>& log) {
      std::erase_if(log, [](const log_record& record) { return record.kind == log_kind::view; });
      const auto more = parsed(lines + "5000 view a - 0 0 0 a\n");
      log.insert(log.end() - 1, more.begin(), more.end());
    });
  };
  CHECK(dead("4100 dead b - 1 0 0 \n4200 down a b 1 0 0 1\n").empty());
  CHECK(names(dead("4100 dead b - 1 0 0 \n"), 10));
  CHECK(names(dead("4100 dead b - 1 0 0 \n4200 down a b 1 0 0 1\n4300 down a b 1 0 0 1\n"), 10));
  CHECK(names(dead("4100 dead b - 1 0 0 \n9000000 down a b 1 0 0 2\n"), 10));
}

TEST_CASE("invariant 12: after the last fault everybody is back", "[checker]") {
  CHECK(names(instead("5000 view b", "5000 view b - 0 0 0 b"), 12));
  CHECK(names(without("5000 view b"), 12));
}

TEST_CASE("invariant 13: without the key there is no response", "[checker]") {
  CHECK(names(with("3400 leak - r1 0 0 0 "), 13));
}

TEST_CASE("what a death would break counts too", "[checker]") {
  CHECK(names(with("3400 exposed a - 0 0 0 "), 1));
  CHECK(names(verdict([](std::vector<log_record>& log) {
                auto both = parsed("5000 rest a r1 1 0 0 \n5000 rest b r1 2 0 0 \n");
                log.insert(log.end() - 1, both.begin(), both.end());
              }),
              3));
  CHECK(names(verdict([](std::vector<log_record>& log) {
                auto tries = parsed("3010 fault a r1 2 0 0 \n3011 fault a r1 3 0 0 \n3012 fault a r1 4 0 0 \n"
                                    "3013 fault a r1 5 0 0 \n");
                log.insert(log.end() - 1, tries.begin(), tries.end());
              }),
              1));
}

TEST_CASE("invariant 14: another seed gives another trace, the same one the same", "[checker]") {
  CHECK(trace_of(run_cluster_case(7)) == trace_of(run_cluster_case(7)));
  CHECK(trace_of(run_cluster_case(7)) != trace_of(run_cluster_case(8)));
}
