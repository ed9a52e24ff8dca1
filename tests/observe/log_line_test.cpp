#include "base/utf8.hpp"
#include "observe/log_line.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

using namespace troupe;

namespace {

std::string line_of(std::string_view event, std::vector<log_field> fields) {
  std::chrono::system_clock::time_point time{std::chrono::milliseconds(1'764'032'523'456)};
  return format_log_line(time, log_level::info, event, fields);
}

/// The part behind time, level and event.
std::string fields_of(std::vector<log_field> fields) {
  std::string line = line_of("e", std::move(fields));
  return line.substr(std::string("2025-11-25T01:02:03.456Z info e").size());
}

bool is_one_safe_line(const std::string& line) {
  return is_utf8(line) && std::ranges::none_of(line, [](unsigned char c) { return c < 0x20 || c == 0x7F; }) &&
         line.find("\xC2\x9B") == std::string::npos;
}

} // namespace

TEST_CASE("a line has time, level, event and fields") {
  CHECK(line_of("request_finished", {{"request", "resp_1"}, {"tokens", 12}, {"ms", 34.5}, {"ok", true}}) ==
        "2025-11-25T01:02:03.456Z info request_finished request=resp_1 tokens=12 ms=34.5 ok=true");
  CHECK(line_of("x", {}) == "2025-11-25T01:02:03.456Z info x");
}

TEST_CASE("numbers of every type keep their value") {
  CHECK(
      fields_of({{"a", std::numeric_limits<uint64_t>::max()}, {"b", std::numeric_limits<int64_t>::min()}}) ==
      " a=18446744073709551615 b=-9223372036854775808");
  CHECK(fields_of({{"a", int8_t{-1}}, {"b", size_t{3}}, {"c", 0.5f}}) == " a=-1 b=3 c=0.5");
}

TEST_CASE("text that is not plain is quoted and escaped") {
  CHECK(fields_of({{"a", ""}}) == " a=\"\"");
  CHECK(fields_of({{"a", "two words"}}) == " a=\"two words\"");
  CHECK(fields_of({{"a", "x=1"}}) == " a=\"x=1\"");
  CHECK(fields_of({{"a", "say \"hi\"\\"}}) == R"( a="say \"hi\"\\")");
  CHECK(fields_of({{"a", "1\n2\r3\t4"}}) == R"( a="1\n2\r3\t4")");
  CHECK(fields_of({{"a", "\x1b[31m"}}) == R"( a="\x1b[31m")");
  CHECK(fields_of({{"a", std::string("a\0b", 3)}}) == R"( a="a\x00b")");
  CHECK(fields_of({{"a", "\xff"}}) == R"( a="\xff")");
  CHECK(fields_of({{"a", "\xC2\x9B"}}) == R"( a="\u009b")");
  CHECK(fields_of({{"a", "naïve 日本"}}) == " a=\"naïve 日本\"");
  CHECK(fields_of({{"a", static_cast<const char*>(nullptr)}}) == " a=\"\"");
}

TEST_CASE("names cannot break a line") {
  CHECK(line_of("a b\nc", {{"k=\n", 1}, {"", 2}}) == "2025-11-25T01:02:03.456Z info a_b_c k__=1 _=2");
}

TEST_CASE("lines and values are bounded") {
  std::string value = fields_of({{"a", std::string(100'000, 'x')}});
  CHECK(value.size() == std::string(" a=\"...\"").size() + log_value_bytes_max);
  CHECK(value.ends_with("...\""));
  // Cut between characters and between escapes.
  for (const char* unit : {"日", "\n", "\xff", "é"}) {
    std::string text;
    for (int i = 0; i < 2000; ++i)
      text += unit;
    std::string line = fields_of({{"a", text}});
    CHECK(is_one_safe_line(line));
    CHECK(line.size() <= log_value_bytes_max + 8);
  }
  std::string big(1020, 'x');
  std::string line = line_of("e", {{"a", big}, {"b", big}, {"c", big}, {"d", big}, {"f", big}, {"last", 1}});
  CHECK(line.size() < log_line_bytes_max);
  CHECK(line.find(" d=") == std::string::npos);
  CHECK(line.ends_with(" last=1 fields_left_out=2"));
  std::vector<log_field> many(1000, log_field{"n", 1});
  CHECK(line_of("e", many).size() < log_line_bytes_max);
}

TEST_CASE("no bytes make more than one line") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 60, '\0');
    for (char& c : text)
      c = static_cast<char>(random());
    std::string line = line_of(text, {{text, text}, {"b", text}});
    if (!is_one_safe_line(line))
      FAIL("round " << round);
  }
  SUCCEED();
}

TEST_CASE("levels have names") {
  for (auto level : {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error})
    CHECK(log_level_named(to_string(level)) == level);
  CHECK_FALSE(log_level_named("loud"));
}
