#include "cli/bench/goodput.hpp"
#include "cli/bench/length_distribution.hpp"
#include "cli/bench/prompt_file.hpp"
#include "cli/bench/svg_plot.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <unistd.h>

using namespace troupe;

namespace {

std::vector<int32_t> draws(const char* text, int count) {
  const auto lengths = length_distribution::parse(text);
  REQUIRE(lengths);
  std::mt19937_64 random(1);
  std::vector<int32_t> out;
  for (int i = 0; i < count; ++i)
    out.push_back(lengths->draw(random));
  std::sort(out.begin(), out.end());
  return out;
}

class text_file {
public:
  explicit text_file(const std::string& text) : path_("/tmp/troupe_prompts_" + std::to_string(::getpid())) {
    std::ofstream(path_) << text;
  }
  ~text_file() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace

TEST_CASE("lengths have the distribution that was asked for") {
  CHECK(draws("7", 10) == std::vector<int32_t>(10, 7));
  const auto uniform = draws("uniform:3:6", 4000);
  CHECK(uniform.front() == 3);
  CHECK(uniform.back() == 6);
  CHECK(std::count(uniform.begin(), uniform.end(), 4) == Approx(1000).margin(120));
  const auto lognormal = draws("lognormal:100:0.5", 10'000);
  CHECK(lognormal[5000] == Approx(100).epsilon(0.03));
  CHECK(lognormal[8413] == Approx(100 * std::exp(0.5)).epsilon(0.05)); // one sigma above
  CHECK(lognormal.front() >= 1);
  CHECK(draws("lognormal:100:3:200", 1000).back() == 200);
  CHECK(draws("lognormal:5:0", 3) == std::vector<int32_t>(3, 5));
}

TEST_CASE("a length that is none is refused") {
  for (const char* bad : {"", "0", "-1", "x", "1.5", "1048577", "uniform:5", "uniform:6:5", "uniform:1:2:3",
                          "normal:1:2", "lognormal:5", "lognormal:5:-1", "lognormal:5:6", "lognormal:5:nan",
                          "lognormal:5:1:4", "lognormal:5:1:x", "99999999999"})
    CHECK_FALSE(length_distribution::parse(bad));
}

TEST_CASE("bounds of goodput") {
  const auto all = parse_goodput("e2e:1000,ttft:0.5,tpot:50");
  REQUIRE(all);
  CHECK(all->first_token_ms == 0.5);
  CHECK(all->per_token_ms == 50);
  CHECK(all->end_to_end_ms == 1000);
  for (const char* bad :
       {"", "ttft", "ttft:", "ttft:0", "ttft:-1", "ttft:x", "x:1", "ttft:1,ttft:2", "ttft:inf", "ttft:1,,"})
    CHECK_FALSE(parse_goodput(bad));
}

TEST_CASE("prompts come from lines or from conversations") {
  const auto lines =
      read_prompt_file(text_file("{\"prompt\": \"a\", \"max_tokens\": 3}\n\n{\"prompt\": \"b\"}").path());
  REQUIRE(lines);
  REQUIRE(lines->size() == 2);
  CHECK((*lines)[0].max_tokens == 3);
  CHECK((*lines)[1].prompt == "b");
  CHECK((*lines)[1].max_tokens == 0);
  const auto shared = read_prompt_file(
      text_file(
          R"([{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "12345678"}]},
                    {"conversations": [{"from": "gpt", "value": "q"}, {"from": "human", "value": "x"}]}, {"conversations": []}])")
          .path());
  REQUIRE(shared);
  REQUIRE(shared->size() == 1);
  CHECK((*shared)[0].prompt == "q");
  CHECK((*shared)[0].max_tokens == 2);
}

TEST_CASE("a file of prompts that is none is refused, with the line") {
  const auto problem = [](const char* text) {
    const auto read = read_prompt_file(text_file(text).path());
    REQUIRE_FALSE(read);
    return read.error().message;
  };
  CHECK(problem("{\"prompt\": \"a\"}\n{\"prompt\": 3}").find("line 2") != std::string::npos);
  CHECK(problem("{\"prompt\": \"a\"}\n{").find("line 2") != std::string::npos);
  CHECK(problem("[{\"prompt\": \"\"}]").find("entry 1") != std::string::npos);
  CHECK(problem("[1,").find("JSON array") != std::string::npos);
  CHECK(problem("{\"prompt\": \"a\", \"max_tokens\": 0}").find("max_tokens") != std::string::npos);
  CHECK(problem("\n").find("no prompt") != std::string::npos);
  CHECK_FALSE(read_prompt_file("/tmp"));
  CHECK_FALSE(read_prompt_file("/nowhere/at/all"));
}

TEST_CASE("a plot takes what can be drawn") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  plot what{.x = {.unit = "<ms>", .logarithmic = true}, .y = {}, .series = {}, .shaded = {{1, 2}}};
  what.series.push_back({.name = "a&b",
                         .mark = plot_mark::line,
                         .points = {{0, 1}, {1, 1}, {10, nan}, {100, 3}},
                         .notes = {{100, 3, "\"n\""}}});
  const auto drawn = svg_of(what);
  CHECK(drawn.find("nan") == std::string::npos);
  CHECK(drawn.find("inf") == std::string::npos);
  CHECK(drawn.find("&lt;ms&gt;") != std::string::npos);
  CHECK(drawn.find("a&amp;b") != std::string::npos);
  CHECK(drawn.find("&quot;n&quot;") != std::string::npos);
  for (const bool logarithmic : {false, true}) // nothing, one point, equal points, the very large and small
    for (const std::vector<std::pair<double, double>>& points : {std::vector<std::pair<double, double>>{},
                                                                 {{5, 5}},
                                                                 {{0, 0}, {0, 0}},
                                                                 {{1e-12, 1e12}, {1e12, 1e-12}}}) {
      plot one{.x = {.unit = {}, .logarithmic = logarithmic},
               .y = {.unit = {}, .logarithmic = logarithmic},
               .series = {},
               .shaded = {}};
      one.series.push_back({.name = {}, .mark = plot_mark::area, .points = points, .notes = {}});
      const auto text = svg_of(one);
      CHECK(text.find("nan") == std::string::npos);
      CHECK(text.find("inf") == std::string::npos);
      CHECK(text.size() < 20'000);
    }
}
