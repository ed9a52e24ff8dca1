// Every case of data/template_cases.json against transformers' own environment (data/make_template_cases.py).
#include "model/chat_template.hpp"

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

std::string joined(const std::vector<text_segment>& segments) {
  std::string text;
  for (const text_segment& segment : segments)
    text += segment.text;
  return text;
}

/// The text, or "error: ..." for anything that went wrong.
std::string rendered(const std::string& source, const ordered_json& inputs) {
  const auto parsed = chat_template::parse(source);
  if (!parsed)
    return "error: " + parsed.error().what();
  chat_inputs given;
  given.messages = &inputs.at("messages");
  given.tools = &inputs.at("tools");
  given.variables = &inputs.at("variables");
  given.add_generation_prompt = inputs.at("add_generation_prompt").get<bool>();
  given.bos_token = "<s>";
  given.eos_token = "</s>";
  given.now = cases().at("now").get<int64_t>();
  const auto segments = parsed->render(given);
  return segments ? joined(*segments) : "error: " + segments.error().what();
}

void compare(const ordered_json& expected, const std::string& source, const ordered_json& inputs) {
  const std::string got = rendered(source, inputs);
  INFO("template: " << source);
  INFO("oracle: " << expected.value("error", "rendered"));
  if (!expected.contains("error")) {
    CHECK(got == expected.at("output").get<std::string>());
    return;
  }
  CHECK(got.starts_with("error: "));
  const std::string error = expected.at("error").get<std::string>();
  const std::string raised = "TemplateError: "; // what raise_exception throws; its words reach the client
  if (error.starts_with(raised)) {
    CHECK(got.find("template_raised") != std::string::npos);
    CHECK(got.find(error.substr(raised.size())) != std::string::npos);
  }
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
