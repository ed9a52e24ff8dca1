#pragma once

#include "model/chat_template.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace troupe::test {

/// All segments in a row: what transformers' rendering is compared with.
inline std::string joined(const std::vector<text_segment>& segments) {
  std::string text;
  for (const text_segment& segment : segments)
    text += segment.text;
  return text;
}

/// The text, or "error: ..." for anything that went wrong. inputs: messages, tools, variables,
/// add_generation_prompt.
inline std::string rendered(const std::string& source, const nlohmann::ordered_json& inputs, int64_t now) {
  const auto parsed = chat_template::parse(source);
  if (!parsed)
    return "error: " + parsed.error().what();
  chat_inputs given;
  given.messages = &inputs.at("messages");
  given.tools = &inputs.at("tools");
  given.variables = &inputs.at("variables");
  given.add_generation_prompt = inputs.at("add_generation_prompt").get<bool>();
  given.bos_token = inputs.value("bos_token", "<s>");
  given.eos_token = inputs.value("eos_token", "</s>");
  given.now = now;
  const auto segments = parsed->render(given);
  return segments ? joined(*segments) : "error: " + segments.error().what();
}

/// What a case of the oracle expects and what was rendered differ. A case has output or error; words of
/// errors are compared for raise_exception only, since those reach the client.
inline bool differs(const nlohmann::ordered_json& expected, const std::string& got) {
  if (!expected.contains("error"))
    return got != expected.at("output").get<std::string>();
  const std::string error = expected.at("error").get<std::string>();
  const std::string raised = "TemplateError: ";
  if (!error.starts_with(raised))
    return !got.starts_with("error: ");
  return got.find("template_raised") == std::string::npos ||
         got.find(error.substr(raised.size())) == std::string::npos;
}

} // namespace troupe::test
