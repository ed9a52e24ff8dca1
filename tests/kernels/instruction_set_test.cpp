#include "kernels/cpu/instruction_set.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("instruction sets are found by name", "[instruction_set]") {
  const auto available = available_instruction_sets();
  REQUIRE(available.front() == instruction_set::portable);
  CHECK(*parse_instruction_set("portable") == instruction_set::portable);
  CHECK(*parse_instruction_set("auto") == available.back());
  CHECK(detect_instruction_set() == available.back());
}

TEST_CASE("an unknown or missing instruction set is an error with a way out", "[instruction_set]") {
  const auto unknown = parse_instruction_set("sse9");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().is(kernel_error::unknown_instruction_set));
  CHECK(unknown.error().message.find("portable") != std::string::npos);
  const auto available = available_instruction_sets();
  for (auto set : {instruction_set::avx2, instruction_set::avx512, instruction_set::amx}) {
    const auto parsed = parse_instruction_set(to_string(set));
    const bool there = std::find(available.begin(), available.end(), set) != available.end();
    CHECK(parsed.has_value() == there);
    if (!there)
      CHECK(parsed.error().is(kernel_error::instruction_set_missing));
  }
}
