#include "model/chat_template.hpp"
#include "tests/model/tokenizer_fixture.hpp"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

using namespace troupe;

namespace {

// The cases come from tests/model/data/make_tokenizer_cases.py, which asks Hugging Face's libraries.
nlohmann::ordered_json read_cases() {
  std::ifstream input("tests/model/data/tokenizer_cases.json");
  REQUIRE(input);
  return nlohmann::ordered_json::parse(input).at("cases");
}

} // namespace

TEST_CASE("tokenizer: the ids are Hugging Face's") {
  const auto cases = read_cases();
  REQUIRE(cases.size() > 1'500);
  std::map<std::string, std::shared_ptr<const tokenizer>> loaded;
  for (const auto& row : cases) {
    if (!row.contains("text"))
      continue;
    const auto pre = row.at("pre").get<std::string>();
    auto& source = loaded[pre];
    if (!source)
      source = pre == "smollm" ? test::default_tokenizer() : test::default_tokenizer_as(pre);
    const auto text = row.at("text").get<std::string>();
    const auto expected = row.at("ids").get<std::vector<token_id>>();
    INFO(pre << ": " << row.at("text").dump(-1, ' ', true));
    if (row.value("specials", false))
      CHECK(source->encode_with_specials(text) == expected);
    else
      CHECK(source->encode(text) == expected);
  }
  CHECK(loaded.size() == 4); // smollm, gpt-2, llama-bpe, qwen2
}

TEST_CASE("tokenizer: a rendered conversation has the ids of apply_chat_template") {
  const auto& source = *test::default_tokenizer();
  const auto parsed = chat_template::parse(*source.chat_template());
  REQUIRE(parsed);
  int conversations = 0;
  for (const auto& row : read_cases()) {
    if (!row.contains("messages"))
      continue;
    const auto segments = parsed->render({.messages = &row.at("messages"),
                                          .add_generation_prompt = true,
                                          .bos_token = "<|im_start|>",
                                          .eos_token = "<|im_end|>"});
    REQUIRE(segments);
    INFO(row.at("messages").dump(-1, ' ', true));
    CHECK(source.encode_segments(*segments) == row.at("ids").get<std::vector<token_id>>());
    ++conversations;
  }
  CHECK(conversations == 63);
}
