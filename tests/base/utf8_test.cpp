#include "base/utf8.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace troupe;

TEST_CASE("well-formed characters have their length") {
  CHECK(utf8_length("a", 0) == 1);
  CHECK(utf8_length("é", 0) == 2);
  CHECK(utf8_length("日", 0) == 3);
  CHECK(utf8_length("🙂", 0) == 4);
  CHECK(utf8_length("\xF4\x8F\xBF\xBF", 0) == 4); // U+10FFFF
  CHECK(utf8_length("a", 1) == 0);
  CHECK(utf8_length("é", 1) == 0);
  CHECK(is_utf8(""));
  CHECK(is_utf8("naïve 日本 🙂"));
}

TEST_CASE("malformed text is found") {
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE2\x82",
                          "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                          "\xE2\x82\x41", "\xF0\x9F\x99\x41"}) {
    INFO(bad);
    CHECK(utf8_length(bad, 0) == 0);
    CHECK_FALSE(is_utf8(std::string("ok ") + bad));
  }
}

TEST_CASE("every code point that may be encoded is taken, and no surrogate") {
  for (uint32_t point = 0x80; point <= 0x10FFFF; ++point) {
    std::string text;
    if (point < 0x800) {
      text += static_cast<char>(0xC0 | (point >> 6));
    } else if (point < 0x10000) {
      text += static_cast<char>(0xE0 | (point >> 12));
      text += static_cast<char>(0x80 | ((point >> 6) & 63));
    } else {
      text += static_cast<char>(0xF0 | (point >> 18));
      text += static_cast<char>(0x80 | ((point >> 12) & 63));
      text += static_cast<char>(0x80 | ((point >> 6) & 63));
    }
    text += static_cast<char>(0x80 | (point & 63));
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (is_utf8(text) == surrogate)
      FAIL("code point " << point);
  }
  SUCCEED();
}
