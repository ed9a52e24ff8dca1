#include "model/chat_template.hpp"
#include "model/tokenizer.hpp"
#include "tests/model/other_models.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;

TEST_CASE("tokenizer: Qwen's ids are Hugging Face's", "[tokenizer]") {
  const auto header = test::read_qwen_header();
  if (!header)
    return;
  const auto file = gguf_file::over(std::as_bytes(std::span(*header)), "header");
  REQUIRE(file);
  const auto source = tokenizer::from_gguf(*file);
  REQUIRE(source);
  CHECK((*source)->vocabulary() == 152'064);
  CHECK((*source)->add_bos());
  // tests/model/data/make_qwen_cases.py asked Hugging Face's `tokenizers`.
  std::ifstream input("tests/model/data/qwen_cases.json");
  REQUIRE(input);
  const auto cases = nlohmann::ordered_json::parse(input).at("cases");
  CHECK(cases.size() > 450);
  for (const auto& row : cases) {
    INFO(row.at("text").dump(-1, ' ', true));
    CHECK((*source)->encode(row.at("text").get<std::string>()) == row.at("ids").get<std::vector<token_id>>());
  }
}

TEST_CASE("the chat template of DeepSeek-R1-Distill-Qwen renders", "[template]") {
  const auto header = test::read_qwen_header();
  if (!header)
    return;
  const auto file = gguf_file::over(std::as_bytes(std::span(*header)), "header");
  REQUIRE(file);
  const auto parsed = chat_template::parse(file->get_string("tokenizer.chat_template").value());
  REQUIRE(parsed);
  const auto messages = nlohmann::ordered_json::parse(
      R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"},
          {"role": "assistant", "content": "<think>a greeting</think>Hi"}, {"role": "user", "content": "Bye"}])");
  const auto segments = parsed->render(
      {.messages = &messages, .add_generation_prompt = true, .bos_token = "<bos>", .eos_token = ""});
  REQUIRE(segments);
  std::string text;
  for (const auto& segment : *segments)
    text += segment.text;
  CHECK(
      text ==
      "<bos>Be brief.<\uff5cUser\uff5c>Hello<\uff5cAssistant\uff5c>Hi<\uff5cend\u2581of\u2581sentence\uff5c>"
      "<\uff5cUser\uff5c>Bye<\uff5cAssistant\uff5c>");
}
