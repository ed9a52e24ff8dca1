#include "config/suggestion.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace troupe;

TEST_CASE("edit distance") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("port", "prot") == 1);
  CHECK(edit_distance("ca", "abc") == 3); // optimal string alignment, not Damerau-Levenshtein's 2
}

TEST_CASE("only near names are suggested") {
  std::vector<std::string> known{"engine.threads", "server.port"};
  CHECK(nearest_name("server.prot", known) == "server.port");
  CHECK(nearest_name("engin.thread", known) == "engine.threads");
  CHECK(nearest_name("something else", known).empty());
  CHECK(nearest_name(std::string(10'000, 'x'), known).empty());
  CHECK(did_you_mean("server.prot", known) == "; did you mean server.port?");
  CHECK(did_you_mean("zz", known).empty());
}
