#include "net/api_error.hpp"
#include "net/field_reader.hpp"
#include "net/request_parser_chat.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace troupe;
using namespace std::string_literals;

TEST_CASE("a parser grows, shrinks and goes on after errors", "[parser]") {
  json_reader reader(1 << 20);
  CHECK(reader.parse("{}"));
  CHECK(reader.parse(R"({"a":")" + std::string(900'000, 'x') + "\"}"));
  CHECK_FALSE(reader.parse(std::string((1 << 20) + 1, ' ')));
  CHECK_FALSE(reader.parse("{"));
  CHECK(reader.parse(R"({"a":1})"));
  CHECK_FALSE(reader.parse("[]"));
  CHECK_FALSE(reader.parse("7"));
  std::string many = "{";
  for (int i = 0; i < 128; ++i)
    many += "\"f" + std::to_string(i) + "\":1,";
  many.back() = '}';
  const auto object = reader.parse(many);
  REQUIRE(object);
  CHECK_FALSE(parse_chat_request(*object));
}

TEST_CASE("JSON that must fail does", "[parser]") {
  // After the kinds of nst/JSONTestSuite's n_ files, each as the value of a field that nobody reads.
  json_reader reader(1 << 20);
  for (const auto& bad : std::initializer_list<std::string>{"[1 true]",
                                                            "[a\xc3\xa5]",
                                                            "[\"\": 1]",
                                                            "[\"\"],",
                                                            "[,1]",
                                                            "[1,,2]",
                                                            "[\"x\",,]",
                                                            "[\"x\"]]",
                                                            "[\"\",]",
                                                            "[\"x\"",
                                                            "[x",
                                                            "[3[4]]",
                                                            "[\xff]",
                                                            "[1:2]",
                                                            "[,]",
                                                            "[-]",
                                                            "[   , \"\"]",
                                                            "[\"a\",\n4\n,1,",
                                                            "[1,]",
                                                            "[1,,]",
                                                            "[\"\x0b\"]",
                                                            "[*]",
                                                            "[\"\"",
                                                            "[1,",
                                                            "[1,\n1\n,1",
                                                            "[{}",
                                                            "[fals]",
                                                            "[nul]",
                                                            "[tru]",
                                                            "123\0"s,
                                                            "[++1234]",
                                                            "[+1]",
                                                            "[+Inf]",
                                                            "[-01]",
                                                            "[-1.0.]",
                                                            "[-2.]",
                                                            "[-NaN]",
                                                            "[.-1]",
                                                            "[.2e-3]",
                                                            "[0.1.2]",
                                                            "[0.3e+]",
                                                            "[0.3e]",
                                                            "[0.e1]",
                                                            "[0E+]",
                                                            "[0E]",
                                                            "[0e+]",
                                                            "[0e]",
                                                            "[1.0e+]",
                                                            "[1.0e-]",
                                                            "[1.0e]",
                                                            "[1 000.0]",
                                                            "[1eE2]",
                                                            "[2.e+3]",
                                                            "[2.e-3]",
                                                            "[2.e3]",
                                                            "[9.e+]",
                                                            "[Inf]",
                                                            "[NaN]",
                                                            "[\xef\xbc\x91]",
                                                            "[1+2]",
                                                            "[0x1]",
                                                            "[0x42]",
                                                            "[Infinity]",
                                                            "[0e+-1]",
                                                            "[-123.123foo]",
                                                            "[123\xe5]",
                                                            "[1e1\xe5]",
                                                            "[0\xe5]",
                                                            "[-Infinity]",
                                                            "[-foo]",
                                                            "[- 1]",
                                                            "[-012]",
                                                            "[-.123]",
                                                            "[-1x]",
                                                            "[1ea]",
                                                            "[1e\xe5]",
                                                            "[1.]",
                                                            "[.123]",
                                                            "[1.2a-3]",
                                                            "[1.8011670033376514H-308]",
                                                            "[012]",
                                                            "[\"x\", truth]",
                                                            "{[: \"x\"}",
                                                            "{\"x\", null}",
                                                            "{\"x\"::\"b\"}",
                                                            "{\xf0\x9f\x87\xa8}",
                                                            "{\"a\":\"a\" 123}",
                                                            "{key: 'value'}",
                                                            "{\"\xb9\":\"0\",}",
                                                            "{\"a\" b}",
                                                            "{:\"b\"}",
                                                            "{\"a\" \"b\"}",
                                                            "{\"a\":",
                                                            "{\"a\"",
                                                            "{1:1}",
                                                            "{9999E9999:1}",
                                                            "{null:null,null:null}",
                                                            "{\"id\":0,,,,,}",
                                                            "{'a':0}",
                                                            "{\"id\":0,}",
                                                            "{\"a\":\"b\"}/**/",
                                                            "{\"a\":\"b\"}//",
                                                            "{\"a\":\"b\",,\"c\":\"d\"}",
                                                            "{a: \"b\"}",
                                                            "{\"a\":\"a",
                                                            "{ \"foo\" : \"bar\", \"a\" }",
                                                            "{\"a\":\"b\"}#",
                                                            " ",
                                                            "[\"\\uD800\\\"]",
                                                            "[\"\\uD800\\u\"]",
                                                            "[\"\\uD800\\u1\"]",
                                                            "[\"\\uD800\\u1x\"]",
                                                            "[\xc3\xa9]",
                                                            "[\"\\\x00\"]"s,
                                                            "[\"\\\\\\\"]",
                                                            "[\"\\\t\"]",
                                                            "[\"\\\xf0\x9f\x8c\x80\"]",
                                                            "[\"\\x00\"]",
                                                            "[\"\\\"]",
                                                            "[\"\\u00A\"]",
                                                            "[\"\\uD834\\uDd\"]",
                                                            "[\"\\uD800\\uD800\\x\"]",
                                                            "[\"\\u\xe5\"]",
                                                            "[\"\\a\"]",
                                                            "[\"\\uqqqq\"]",
                                                            "[\"\\\xe5\"]",
                                                            "[\\u0020\"asd\"]",
                                                            "[\\n]",
                                                            "\"",
                                                            "['single quote']",
                                                            "abc",
                                                            "[\"\\",
                                                            "[\"a\x00a\"]"s,
                                                            "[\"new\nline\"]",
                                                            "[\"\t\"]",
                                                            "\"\\UA66D\"",
                                                            "\"\"x",
                                                            "<.>",
                                                            "[<null>]",
                                                            "[1]x",
                                                            "[1]]",
                                                            "[\"asd]",
                                                            "a\xc3\xa5",
                                                            "[True]",
                                                            "1]",
                                                            "{\"x\": true,",
                                                            "[][]",
                                                            "]",
                                                            "\xef\xbb{}",
                                                            "\xe5",
                                                            "[",
                                                            "[1,",
                                                            "[\x00]"s,
                                                            "{\"\":",
                                                            "2@",
                                                            "{}}",
                                                            "{\"\":[{\"\":",
                                                            "[\"\xe9\"]",
                                                            "[\"\xed\xa0\x80\"]",
                                                            "[\"\xf4\x90\x80\x80\"]",
                                                            "[\"\xc0\xaf\"]"}) {
    INFO(bad);
    CHECK_FALSE(reader.parse("{\"input\":\"hi\",\"extra\":" + bad + "}"));
  }
  for (const size_t depth : {size_t{100}, size_t{60'000}, size_t{200'000}}) {
    CHECK_FALSE(reader.parse("{\"a\":" + std::string(depth, '[')));
    CHECK_FALSE(reader.parse("{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}"));
  }
  CHECK(reader.parse("{\"a\":" + std::string(60, '[') + std::string(60, ']') + "}"));
}

TEST_CASE("a name in a message is short, and nothing in it drives a terminal", "[parser]") {
  json_reader reader(1 << 20);
  const auto object = reader.parse("{\"messages\":[],\"e\\u0000\\u001b[31m\\n\\u007f\\u0085\xc2\xa0\":1}");
  REQUIRE(object);
  field_reader fields(*object);
  fields.any("messages");
  fields.refuse_unknown();
  REQUIRE(fields.failed());
  CHECK(fields.problem().message == "e??[31m???\xc2\xa0 is not a known field: leave it out");
  CHECK(fields.problem().param == "e??[31m???\xc2\xa0");
  CHECK(shown_name(std::string(63, 'x') + "\xc3\xa9y") == std::string(63, 'x'));
  CHECK(shown_name(std::string(62, 'x') + "\xc3\xa9y") == std::string(62, 'x') + "\xc3\xa9");
  CHECK(shown_name("").empty());
  const auto twice = reader.parse("{\"a\\tb\":1,\"a\\u0009b\":2}");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().message == "a?b is given twice: give it once");
}

TEST_CASE("nothing in a message drives a terminal", "[parser]") {
  const rejection refused{request_error::model_not_found,
                          "the model 'a\x1b[31m\n\xc2\x9b\xc3\xa9' is not here", "model", 0};
  CHECK(to_api_error(refused).message == "the model 'a?[31m??\xc3\xa9' is not here");
}
