// Any bytes as an event stream: cut anywhere they mean the same, and what is framed comes out again.
#include "net/client/sse_parser.hpp"
#include "net/sse.hpp"
#include "tests/fuzz/expect.hpp"

#include <vector>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr size_t event_bytes_max = 4096;

struct seen {
  std::vector<std::pair<std::string, std::string>> events;
  bool whole = true;
};

seen read(std::string_view stream, size_t piece) {
  seen out;
  sse_parser parser(
      [&](const sse_parser::event& event) {
        out.events.emplace_back(std::string(event.type), std::string(event.data));
      },
      event_bytes_max);
  for (size_t at = 0; at < stream.size(); at += piece)
    out.whole = parser.feed(stream.substr(at, piece)) && out.whole;
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1)
    return 0;
  const auto text = text_of(data + 1, size - 1);
  const auto at_once = read(text, std::max<size_t>(1, text.size()));
  const auto cut = read(text, 1 + data[0] % 16);
  expect(at_once.events == cut.events && at_once.whole == cut.whole,
         "a stream means the same however it is cut");
  for (const auto& [type, content] : at_once.events)
    expect(content.size() <= event_bytes_max && type.size() <= event_bytes_max,
           "an event stays in its bound");

  std::string line(text); // our events are one line each
  std::erase_if(line, [](char c) { return c == '\n' || c == '\r'; });
  if (line.size() + 8 > event_bytes_max)
    return 0;
  const auto framed =
      read(sse_event("delta", line) + std::string(sse_keep_alive) + sse_event(line), 1 + data[0] % 16);
  expect(framed.events.size() == 2 &&
             framed.events[0] == std::pair<std::string, std::string>("delta", line) &&
             framed.events[1].first == "message" && framed.events[1].second == line,
         "what is framed comes out again");
  return 0;
}
