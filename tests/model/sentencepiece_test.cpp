#include "model/detokenizer.hpp"
#include "tests/model/other_models.hpp"
#include "tests/model/tokenizer_fixture.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

using namespace troupe;

namespace {

/// Pieces a, b, c, a space, "ab", "cab", "bc", " a", "é"; newline and two spaces are user-defined; the bytes
/// of "ñ" have tokens, and byte 0xff.
struct small_pieces {
  std::vector<std::string> tokens = {"<unk>",  "<s>", "</s>",   "a",      "b",       "c",
                                     "\u2581", "ab",  "cab",    "bc",     "\u2581a", "\u00e9",
                                     "\n",     "  ",  "<0xC3>", "<0xB1>", "<0xFF>",  "<turn>"};
  std::vector<int32_t> kinds = {2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 6, 6, 6, 3};
  std::vector<float> scores = {0, 0, 0, -10, -11, -12, -13, -2, -3, -1, -4, -14, 0, 0, 0, 0, 0, 0};
  std::optional<bool> space_prefix = false;

  result<std::shared_ptr<const tokenizer>> load() const {
    test::gguf_builder bytes;
    bytes.preamble(0, space_prefix ? 6 : 5).text("tokenizer.ggml.model", "llama");
    bytes.texts("tokenizer.ggml.tokens", tokens);
    bytes.array("tokenizer.ggml.token_type", gguf_type::int32, kinds.size());
    for (const auto kind : kinds)
      bytes.number(kind);
    bytes.array("tokenizer.ggml.scores", gguf_type::float32, scores.size());
    for (const auto score : scores)
      bytes.number(score);
    bytes.key("tokenizer.ggml.unknown_token_id", gguf_type::uint32).number(uint32_t{0});
    if (space_prefix)
      bytes.key("tokenizer.ggml.add_space_prefix", gguf_type::boolean).number(uint8_t{*space_prefix});
    const auto file = gguf_file::over(std::as_bytes(std::span(bytes.bytes())), "test");
    return file ? tokenizer::from_gguf(*file) : forward_error(file);
  }
};

using ids = std::vector<token_id>;

} // namespace

TEST_CASE("sentencepiece: the best score merges first, the leftmost of equals", "[tokenizer]") {
  const auto source = small_pieces().load().value();
  CHECK(source->encode("abc") == ids{3, 9}); // "bc" before "ab"
  CHECK(source->encode("ab") == ids{7});
  CHECK(source->encode("bcbc") == ids{9, 9});
  CHECK(source->encode("") == ids{});
  auto equal = small_pieces();
  equal.scores[7] = equal.scores[9];
  CHECK(equal.load().value()->encode("abc") == ids{7, 5});
  auto none = small_pieces();
  none.scores[9] = std::numeric_limits<float>::quiet_NaN();
  CHECK(none.load().value()->encode("abc") == ids{7, 5});
}

TEST_CASE("sentencepiece: spaces, user-defined tokens, bytes and the unknown token", "[tokenizer]") {
  const auto source = small_pieces().load().value();
  CHECK(source->encode(" a") == ids{10});
  CHECK(source->encode("a a") == ids{3, 10});
  CHECK(source->encode("a\u2581a") == ids{3, 10}); // the mark counts as the space that it stands for
  CHECK(source->encode("a  a\nb") == ids{3, 13, 3, 12, 4});
  CHECK(source->encode("   a") == ids{13, 10});
  CHECK(source->encode("\u00e9") == ids{11});
  CHECK(source->encode("\u00f1") == ids{14, 15});
  CHECK(source->encode("x") == ids{0});
  CHECK(source->encode("<s>a").size() > 2); // control tokens are text in what a user writes
  CHECK(source->encode_with_specials("<s>a<turn>") == ids{1, 3, 17});
  CHECK(source->token_bytes(10) == " a");
  CHECK(source->token_bytes(15) == "\xb1");
  detokenizer text(source);
  CHECK(text.push(14).empty());
  CHECK(text.push(15) == "\u00f1");
  CHECK(source->add_bos());
}

TEST_CASE("sentencepiece: a space goes before the text where the model says so", "[tokenizer]") {
  auto pieces = small_pieces();
  for (const auto prefix : {std::optional(true), std::optional<bool>()}) {
    pieces.space_prefix = prefix;
    const auto source = pieces.load().value();
    CHECK(source->encode("a") == ids{10});
    CHECK(source->encode("") == ids{});
    CHECK(source->encode_with_specials("a<turn>a") == ids{10, 17, 10});
  }
}

TEST_CASE("sentencepiece: a long run takes time in proportion", "[tokenizer]") {
  const auto source = small_pieces().load().value();
  CHECK(source->encode(std::string(200'000, 'a')).size() == 200'000);
  CHECK(source->encode(std::string(200'000, ' ')).size() == 100'000);
}

TEST_CASE("sentencepiece: a vocabulary without its scores is refused", "[tokenizer]") {
  auto pieces = small_pieces();
  pieces.scores.pop_back();
  const auto refused = pieces.load();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "tokenizer.ggml.scores has 17 entries for 18 tokens");
}

TEST_CASE("sentencepiece: Gemma's ids are those of the library", "[tokenizer]") {
  const auto file = test::open_gemma();
  if (!file)
    return;
  const auto source = tokenizer::from_gguf(*file);
  REQUIRE(source);
  // tests/model/data/make_sentencepiece_cases.py asked SentencePiece itself.
  std::ifstream input("tests/model/data/sentencepiece_cases.json");
  REQUIRE(input);
  const auto cases = nlohmann::ordered_json::parse(input).at("cases");
  CHECK(cases.size() > 600);
  for (const auto& row : cases) {
    INFO(row.at("text").dump(-1, ' ', true));
    CHECK((*source)->encode(row.at("text").get<std::string>()) == row.at("ids").get<ids>());
  }
  CHECK((*source)->end_tokens() == ids{1, 106}); // <eos>, <end_of_turn>
}
