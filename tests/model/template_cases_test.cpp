// Every case of data/template_cases.json against transformers' own environment (data/make_template_cases.py).
#include "tests/model/template_fixture.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace troupe;
using nlohmann::ordered_json;

namespace {

const ordered_json& cases() {
  static const ordered_json loaded = [] {
    std::ifstream file("tests/model/data/template_cases.json");
    REQUIRE(file.good());
    return ordered_json::parse(file);
  }();
  return loaded;
}

void compare(const ordered_json& expected, const std::string& source, const ordered_json& inputs) {
  const std::string got = test::rendered(source, inputs, cases().at("now").get<int64_t>());
  INFO("template: " << source);
  INFO("oracle: " << expected.dump());
  INFO("got: " << got);
  CHECK_FALSE(test::differs(expected, got));
}

} // namespace

TEST_CASE("template snippets render as transformers does") {
  REQUIRE(cases().at("snippets").size() >= 400);
  for (const ordered_json& each : cases().at("snippets"))
    compare(each, each.at("template").get<std::string>(), cases().at("shared_inputs"));
}

TEST_CASE("whole templates render as transformers does") {
  REQUIRE(cases().at("templates").contains("smollm2"));
  for (const ordered_json& each : cases().at("chats")) {
    INFO("messages: " << each.at("messages").dump());
    compare(each, cases().at("templates").at(each.at("template").get<std::string>()).get<std::string>(),
            each);
  }
}
