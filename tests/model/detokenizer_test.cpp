#include "base/utf8.hpp"
#include "model/detokenizer.hpp"
#include "model/utf8_repair.hpp"
#include "tests/model/tokenizer_fixture.hpp"

#include <random>

using namespace troupe;

namespace {

std::string repaired(std::string_view bytes) {
  std::string out;
  append_repaired(bytes, true, out);
  return out;
}

} // namespace

// Expected values are Python's bytes.decode("utf-8", "replace").
TEST_CASE("detokenizer: ill-formed UTF-8 becomes what Python makes of it") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(repaired("") == "");
  CHECK(repaired("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z") == "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
  CHECK(repaired("\x80") == r);
  CHECK(repaired("\xC0\xAF") == r + r);
  CHECK(repaired("\xC3") == r);
  CHECK(repaired("\xC3(") == r + "(");
  CHECK(repaired("\xE2\x82") == r);
  CHECK(repaired("\xE2\x82z") == r + "z");
  CHECK(repaired("\xE0\x80\x80") == r + r + r);
  CHECK(repaired("\xED\xA0\x80") == r + r + r);
  CHECK(repaired("\xF0\x9F\x98") == r);
  CHECK(repaired("\xF0\x9F\x98\xF0\x9F\x98\x80") == r + "\xF0\x9F\x98\x80");
  CHECK(repaired("\xF0\x80\x80\x80") == r + r + r + r);
  CHECK(repaired("\xF4\x90\x80\x80") == r + r + r + r);
  CHECK(repaired("\xF5\xFF") == r + r);
  CHECK(repaired("\xE2\xE2\x82\xAC") == r + "\xE2\x82\xAC");
}

TEST_CASE("detokenizer: a character is held back until it is whole") {
  const auto& source = test::default_tokenizer();
  const auto encoded = source->encode("\xF0\x9F\xA6\x9C!"); // a parrot: several tokens
  REQUIRE(encoded.size() > 2);
  detokenizer decoder(source);
  for (size_t i = 0; i + 2 < encoded.size(); ++i)
    CHECK(decoder.push(encoded[i]).empty());
  CHECK(decoder.push(encoded[encoded.size() - 2]) == "\xF0\x9F\xA6\x9C");
  CHECK(decoder.push(encoded.back()) == "!");
  CHECK(decoder.finish().empty());

  decoder.push(encoded[0]);
  CHECK(decoder.push(1).empty()); // a special token is no text
  CHECK(decoder.finish() == "\xEF\xBF\xBD");
  CHECK(decoder.finish().empty()); // it begins anew
  CHECK(decoder.push(-5).empty());
  CHECK(decoder.push(1'000'000).empty());
}

TEST_CASE("detokenizer: pieces of any tokens join to the decoding of the whole") {
  const auto& source = test::default_tokenizer();
  // Tokens that are not whole characters are few: draw half from them.
  std::vector<token_id> broken;
  for (token_id token = 0; token < source->vocabulary(); ++token)
    if (!is_utf8(source->token_bytes(token)))
      broken.push_back(token);
  REQUIRE(broken.size() > 100);
  std::mt19937 random(13);
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes;
    std::string joined;
    detokenizer decoder(source);
    for (int i = 0; i < 40; ++i) {
      const token_id token =
          random() % 2 ? broken[random() % broken.size()]
                       : static_cast<token_id>(random() % static_cast<uint32_t>(source->vocabulary()));
      if (!source->is_special(token))
        bytes += source->token_bytes(token);
      const std::string piece = decoder.push(token);
      REQUIRE(is_utf8(piece));
      joined += piece;
    }
    joined += decoder.finish();
    REQUIRE(joined == repaired(bytes));
  }
}
