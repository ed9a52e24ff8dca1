#include "actors/step_record.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;

TEST_CASE("a record holds the running step, and nothing between two") {
  step_record record;
  CHECK_FALSE(record.running_since());
  CHECK(record.take().empty());
  const auto now = system_clock().now();
  record.begin({3, 4, 5}, now);
  CHECK(record.running_since() == now);
  record.end();
  CHECK_FALSE(record.running_since());
  CHECK(record.take().empty());
  record.begin({9}, now);
  CHECK(record.take() == std::vector<sequence_id>{9});
  CHECK(record.take().empty());
}

TEST_CASE("a record in shared memory is seen through every mapping of it") {
  auto memory = shared_memory::create(step_record::bytes());
  REQUIRE(memory);
  auto again = shared_memory::open(file_descriptor(::dup(memory->descriptor())), step_record::bytes());
  REQUIRE(again);
  auto here = step_record::over(std::move(*memory)), there = step_record::over(std::move(*again));
  REQUIRE((here && there));
  const auto now = system_clock().now();
  here->begin({1, 2}, now);
  CHECK(there->running_since() == now);
  CHECK(there->take() == std::vector<sequence_id>{1, 2});
  CHECK_FALSE(here->running_since());
}

TEST_CASE("memory that is too small for a record is refused") {
  auto memory = shared_memory::create(16);
  REQUIRE(memory);
  CHECK_FALSE(step_record::over(std::move(*memory)));
}

TEST_CASE("a step is never larger than the record") {
  step_record record;
  record.begin(std::vector<sequence_id>(step_record::sequences_max, 1), {});
  CHECK(record.take().size() == step_record::sequences_max);
  CHECK_THROWS(record.begin(std::vector<sequence_id>(step_record::sequences_max + 1, 1), {}));
}
