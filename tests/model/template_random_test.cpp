// Random templates against transformers' own environment (data/make_template_random.py).
#include "tests/model/template_fixture.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>

using namespace troupe;
using nlohmann::ordered_json;

namespace {

struct tally {
  int cases = 0;
  int bounded = 0; // refused here by a bound (64-bit numbers, lengths) where Python goes on
  int differing = 0;
};

bool is_bound(const std::string& got) {
  return got.find("template_limit") != std::string::npos || got.find("64 bits") != std::string::npos ||
         got.find("refused") != std::string::npos;
}

/// Compares the cases of one file; the first few that differ are shown.
tally compare_file(const std::string& path, int shown_max) {
  std::ifstream file(path);
  REQUIRE(file.good());
  std::string line;
  REQUIRE(std::getline(file, line));
  const ordered_json head = ordered_json::parse(line);
  const auto now = head.at("now").get<int64_t>();
  tally counted;
  while (std::getline(file, line)) {
    const ordered_json each = ordered_json::parse(line);
    const auto source = each.at("template").get<std::string>();
    const auto& context = head.at("contexts").at(each.at("context").get<std::size_t>());
    const std::string got = test::rendered(source, context, now);
    ++counted.cases;
    if (!test::differs(each, got))
      continue;
    if (got.starts_with("error: ") && is_bound(got)) {
      ++counted.bounded;
      continue;
    }
    if (++counted.differing <= shown_max)
      std::cout << "\ntemplate: " << source << "\ncontext " << each.at("context")
                << "\nexpected: " << (each.contains("error") ? each.at("error") : each.at("output")).dump()
                << "\ngot:      " << ordered_json(got).dump() << std::endl;
  }
  return counted;
}

} // namespace

TEST_CASE("random templates render as transformers does") {
  const tally counted = compare_file("tests/model/data/template_random.jsonl", 10);
  CHECK(counted.cases == 600);
  CHECK(counted.bounded <= 6);
  CHECK(counted.differing == 0);
}

TEST_CASE("a file of random templates renders as transformers does", "[.random_templates]") {
  const char* const path = std::getenv("TROUPE_TEMPLATE_CASES");
  REQUIRE(path != nullptr);
  const char* const shown = std::getenv("TROUPE_TEMPLATE_SHOWN");
  const tally counted = compare_file(path, shown != nullptr ? std::atoi(shown) : 20);
  std::cout << counted.cases << " cases, " << counted.bounded << " refused by a bound, " << counted.differing
            << " differ" << std::endl;
  CHECK(counted.differing == 0);
}
