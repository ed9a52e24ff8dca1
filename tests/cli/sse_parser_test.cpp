#include "net/client/sse_parser.hpp"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

using namespace troupe;

namespace {

using events = std::vector<std::pair<std::string, std::string>>;

struct collector {
  events got;
  sse_parser parser;

  explicit collector(size_t bytes_max = 1000)
      : parser([this](const sse_parser::event& event) { got.emplace_back(event.type, event.data); },
               bytes_max) {}
};

// Every line end there is, a comment, a field without a colon, unknown fields, an event without data.
const std::string stream = "\xEF\xBB\xBF"
                           "data: first\n\n"
                           ": a comment\n"
                           "event: named\r\ndata: two\r\ndata:  lines \r\n\r\n"
                           "event: nothing\n\n"
                           "id: 7\nretry: 10\ndata\n\n"
                           "data:\xC3\xA9{\"a\": \"b: c\"}\r\r"
                           "data: [DONE]\n\n"
                           "data: unfinished";
const events expected{{"message", "first"},
                      {"named", "two\n lines "},
                      {"message", ""},
                      {"message", "\xC3\xA9{\"a\": \"b: c\"}"},
                      {"message", "[DONE]"}};

} // namespace

TEST_CASE("a stream gives the same events however it was cut") {
  collector whole;
  CHECK(whole.parser.feed(stream));
  CHECK(whole.got == expected);
  for (size_t at = 0; at <= stream.size(); ++at) {
    collector cut;
    CHECK(cut.parser.feed(stream.substr(0, at)));
    CHECK(cut.parser.feed(stream.substr(at)));
    CHECK(cut.got == expected);
  }
  collector bytes;
  for (char c : stream)
    bytes.parser.feed({&c, 1});
  CHECK(bytes.got == expected);
}

TEST_CASE("a line or an event without an end is not kept without a bound") {
  collector line(100);
  CHECK(line.parser.feed("data: " + std::string(94, 'x')));
  CHECK_FALSE(line.parser.feed("x"));
  CHECK_FALSE(line.parser.feed("\n\ndata: later\n\n"));
  CHECK(line.got.empty());

  collector event(100);
  bool fits = true;
  for (int i = 0; i < 100 && fits; ++i)
    fits = event.parser.feed("data: 0123456789\n");
  CHECK_FALSE(fits);
  CHECK(event.got.empty());
}
