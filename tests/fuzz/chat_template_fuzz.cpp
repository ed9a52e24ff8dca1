// Any bytes as a template, rendered over a fixed conversation with tools.
#include "base/utf8.hpp"
#include "model/chat_template.hpp"
#include "tests/fuzz/expect.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::ordered_json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto messages = ordered_json::parse(R"([
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is <b>it</b>?\n 'é' \ud83d\ude00"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"x": 1.5}}}]},
    {"role": "tool", "content": "42", "tool_call_id": "c1"}])");
  static const auto tools = ordered_json::parse(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {}}}}}])");
  static const auto variables =
      ordered_json::parse(R"({"enable_thinking": true, "n": 3, "big": 9007199254740993})");
  const auto parsed = chat_template::parse(text_of(data, size));
  if (!parsed) {
    expect(!parsed.error().message.empty(), "a refusal says why");
    return 0;
  }
  chat_inputs inputs{.messages = &messages,
                     .tools = &tools,
                     .variables = &variables,
                     .add_generation_prompt = true,
                     .bos_token = "<s>",
                     .eos_token = "</s>",
                     .now = 1'700'000'000};
  const template_limits limits{
      .steps_max = 20'000, .text_bytes_max = 1 << 20, .output_bytes_max = 1 << 17, .depth_max = 200};
  const auto segments = parsed->render(inputs, limits);
  if (!segments) {
    expect(segments.error().message.starts_with("line "), "an error names its line",
           segments.error().message);
    return 0;
  }
  size_t bytes = 0;
  for (const auto& segment : *segments) {
    bytes += segment.text.size();
    expect(is_utf8(segment.text), "a segment is UTF-8");
  }
  expect(bytes <= limits.output_bytes_max, "the output stays in its bound");
  return 0;
}
