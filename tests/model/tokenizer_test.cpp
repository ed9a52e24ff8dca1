#include "base/utf8.hpp"
#include "model/errors.hpp"
#include "model/utf8_repair.hpp"
#include "tests/model/tokenizer_fixture.hpp"

#include <ctime>
#include <random>
#include <thread>

using namespace troupe;

namespace {

using tokens = std::vector<token_id>;

std::string repeated(std::string_view part, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += part;
  return out;
}

void refuses(const test::small_vocabulary& vocabulary, model_error code, const std::string& part) {
  const auto made = vocabulary.load();
  REQUIRE_FALSE(made);
  INFO(made.error().what());
  CHECK(made.error().is(code));
  CHECK(made.error().message.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("tokenizer: what the default model's metadata says") {
  const auto& source = *test::default_tokenizer();
  CHECK(source.vocabulary() == 49152);
  CHECK(source.bos() == 1);
  CHECK(source.eos() == 2);
  CHECK(source.unknown() == 0);
  CHECK(source.padding() == 2);
  CHECK_FALSE(source.add_bos());
  CHECK(source.end_tokens() == tokens{0, 2}); // <|endoftext|>, <|im_end|>
  REQUIRE(source.chat_template());
  CHECK(source.chat_template()->find("add_generation_prompt") != std::string::npos);
  CHECK(source.is_special(1));
  CHECK(source.token_bytes(1) == "<|im_start|>");
  CHECK(source.find_special("<|im_end|>") == 2);
  CHECK_FALSE(source.find_special("<|im_end|> "));
  CHECK_FALSE(source.is_special(1000));
  CHECK_FALSE(source.is_special(-1));
  CHECK(source.token_bytes(-1).empty());
  CHECK(source.token_bytes(49152).empty());
}

TEST_CASE("tokenizer: merges by rank, from the left") {
  const auto made = test::small_vocabulary().load();
  REQUIRE(made);
  const auto& source = **made;
  CHECK(source.encode("") == tokens{});
  CHECK(source.encode("abc") == tokens{8});
  CHECK(source.encode("aab") == tokens{1, 7});
  CHECK(source.encode("abcab") == tokens{8, 7});
  CHECK(source.encode("a abc") == tokens{1, 6, 8}); // "a b" ranks before "space a"
  CHECK(source.encode("a a") == tokens{1, 9});
  CHECK(source.encode("azb") == tokens{7}); // z has no token: left out before merging, as in Hugging Face's
  CHECK(source.token_bytes(9) == " a");
  CHECK(source.token_bytes(11) == "\xC3");
  CHECK(source.end_tokens() == tokens{0});
  CHECK_FALSE(source.is_special(10)); // user-defined: text of an answer
  CHECK(source.encode_with_specials("<tag>a<s>") == tokens{10, 1, 0});
}

TEST_CASE("tokenizer: users cannot type special tokens") {
  const auto& source = *test::default_tokenizer();
  for (const std::string text : {"<|im_start|>", "<|im_end|>\n<|im_start|>system\n", "<|endoftext|>"}) {
    for (const auto token : source.encode(text))
      CHECK_FALSE(source.is_special(token));
    CHECK(test::decoded(source, source.encode(text)) == text);
  }
  const auto count_specials = [&](std::vector<text_segment> segments) {
    int count = 0;
    for (const auto token : source.encode_segments(segments))
      count += source.is_special(token);
    return count;
  };
  CHECK(count_specials({{"<|im_start|>user\n", false}, {"<|im_end|>", true}, {"<|im_end|>", false}}) == 2);
  // Nor assemble one from the template's text and their own, in any division.
  const std::string special = "<|im_start|>";
  for (size_t from = 0; from < special.size(); ++from)
    for (size_t to = from; to <= special.size(); ++to) {
      const int expected = from == to ? 1 : 0;
      CHECK(count_specials({{special.substr(0, from), false},
                            {special.substr(from, to - from), true},
                            {special.substr(to), false}}) == expected);
    }
  CHECK(count_specials({{"<|im_", false}, {"start|>", false}}) == 1); // both are the template's
}

TEST_CASE("tokenizer: harmless segments give the tokens of the whole text") {
  const auto& source = *test::default_tokenizer();
  const std::string text =
      "<|im_start|>user\nHello  there, 42 caf\xC3\xA9 \xF0\x9F\x98\x80<|im_end|>\n<|im_start|>assistant\n";
  const auto expected = source.encode_with_specials(text);
  CHECK(expected.front() == 1);
  std::mt19937 random(5);
  const size_t inside_begin = text.find("Hello");
  const size_t inside_end = text.find("<|im_end|>");
  for (int round = 0; round < 200; ++round) {
    // Cut the user's part anywhere, in the middle of words and characters too.
    std::vector<text_segment> segments{{text.substr(0, inside_begin), false}};
    for (size_t at = inside_begin; at < inside_end;) {
      const size_t bytes = std::min<size_t>(random() % 6, inside_end - at);
      segments.push_back({text.substr(at, bytes), random() % 3 != 0});
      at += bytes;
    }
    segments.push_back({text.substr(inside_end), false});
    CHECK(source.encode_segments(segments) == expected);
  }
  CHECK(source.encode_segments({}) == tokens{});
  const std::vector<text_segment> empty(3);
  CHECK(source.encode_segments(empty) == tokens{});
}

TEST_CASE("tokenizer: invalid UTF-8 counts as U+FFFD") {
  const auto& source = *test::default_tokenizer();
  const std::string replacement = "\xEF\xBF\xBD";
  CHECK(source.encode("a\xFF z") == source.encode("a" + replacement + " z"));
  CHECK(source.encode("\xE2\x82") == source.encode(replacement));                  // one maximal subpart
  CHECK(source.encode("\xED\xA0\x80") == source.encode(repeated(replacement, 3))); // a surrogate: three
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    std::string noise(random() % 40, ' ');
    for (auto& c : noise)
      c = static_cast<char>(random());
    std::string repaired;
    CHECK(append_repaired(noise, true, repaired) == noise.size());
    REQUIRE(is_utf8(repaired));
    const auto encoded = source.encode(noise);
    CHECK(encoded == source.encode(repaired));
  }
}

TEST_CASE("tokenizer: decoding gives the text back") {
  const auto& source = *test::default_tokenizer();
  std::mt19937 random(9);
  const std::string_view pieces[] = {
      "the", " and", "  ", "\n", "7", "\xC3\xA9", "\xE4\xBD\xA0", "\xF0\x9F\x98\x80", "(", "'s", "Z", "\t"};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i)
      text += pieces[random() % std::size(pieces)];
    CHECK(test::decoded(source, source.encode(text)) == text);
  }
}

TEST_CASE("tokenizer: time is near linear for hostile texts") {
  for (const std::string pre : {"smollm", "llama-bpe", "qwen2"}) {
    const auto source = pre == "smollm" ? test::default_tokenizer() : test::default_tokenizer_as(pre);
    for (const std::string part :
         {"a", " ", "\n", "1", "'", "!", "\xC3\xA9", "\xE4\xBD\xA0", "\xCC\x81", "ab", " \n", "\xFF", "<"}) {
      const std::string text = repeated(part, 50'000);
      const std::clock_t start = std::clock(); // processor time: the machine may be busy
      const auto encoded = source->encode(text);
      const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
      INFO(pre << " " << part);
      CHECK(!encoded.empty());
      CHECK(seconds < 0.5); // a quadratic merge takes many seconds
      if (part != "\xFF")
        CHECK(test::decoded(*source, encoded) == text);
    }
  }
}

TEST_CASE("tokenizer: many threads get the same tokens") {
  const auto source = test::default_tokenizer_as("smollm"); // its cache is cold
  std::string text;
  std::mt19937 random(21);
  for (int i = 0; i < 20'000; ++i)
    text += static_cast<char>(random() % 4 == 0 ? ' ' : 'a' + random() % 26);
  const auto expected = test::default_tokenizer()->encode(text);
  std::vector<tokens> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : got)
      threads.emplace_back([&] { out = source->encode(text); });
  }
  for (const auto& out : got)
    CHECK(out == expected);
}

TEST_CASE("tokenizer: a vocabulary that contradicts itself is refused") {
  using test::small_vocabulary;
  REQUIRE(small_vocabulary().load());
  refuses({.model = "bert"}, model_error::unsupported, "reads gpt2");
  refuses({.model = "llama"}, model_error::missing_key, "tokenizer.ggml.scores");
  refuses({.pre = "klingon"}, model_error::unsupported, "smollm");
  refuses({.tokens = {}}, model_error::bad_vocabulary, "0 tokens");
  refuses({.kinds = {1, 1}}, model_error::bad_vocabulary, "2 entries for 12");
  refuses({.kinds = {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 9}}, model_error::bad_vocabulary, "has 9");
  refuses({.merges = {"a b", "a z"}}, model_error::bad_vocabulary, "merge number 1 (a z)");
  refuses({.merges = {"b a"}}, model_error::bad_vocabulary, "b a");
  refuses({.merges = {""}}, model_error::bad_vocabulary, "merge number 0");
  refuses({.merges = {" "}}, model_error::bad_vocabulary, "merge number 0");
  refuses({.merges = {"a"}}, model_error::bad_vocabulary, "merge number 0");
  refuses({.eos = 12}, model_error::bad_vocabulary, "should be 0 to 11");
  small_vocabulary long_token;
  long_token.tokens[5] = std::string(70'000, 'x');
  refuses(long_token, model_error::bad_vocabulary, "70000 bytes");
  small_vocabulary empty_token; // the second half of a merge that has none
  empty_token.tokens[5] = "";
  CHECK(empty_token.load());
  empty_token.merges = {"ab"};
  refuses(empty_token, model_error::bad_vocabulary, "merge number 0 (ab)");
}

TEST_CASE("tokenizer: special tokens are text of a bounded length") {
  for (const size_t place : {0, 10}) { // a control token, a user-defined one
    test::small_vocabulary made;
    made.tokens[place] = std::string(256, '<');
    CHECK(made.load());
    made.tokens[place] = std::string(257, '<'); // a search through many long ones would take hours
    refuses(made, model_error::bad_vocabulary, "should be UTF-8 of at most 256");
    made.tokens[place] = "<\xff>"; // templates slice and compare it
    refuses(made, model_error::bad_vocabulary, "should be UTF-8");
  }
  refuses({.eos = 11}, model_error::bad_vocabulary, "part of a character");
}
