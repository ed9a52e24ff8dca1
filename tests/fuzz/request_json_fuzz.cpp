// Any bytes as a body: the three doors, and the Responses door as WebSocket has it.
#include "base/utf8.hpp"
#include "net/request_parser_chat.hpp"
#include "net/request_parser_completions.hpp"
#include "net/request_parser_responses.hpp"
#include "tests/fuzz/expect.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

void check(const rejection& refused) {
  expect(refused.message.size() >= 10 && refused.message.size() < 2000, "a refusal is a sentence",
         refused.message);
  expect(is_utf8(refused.message) && is_utf8(refused.param), "a refusal is UTF-8", refused.message);
}

void check(const generation_request& made) {
  const auto& sampling = made.sampling;
  expect(sampling.temperature >= 0 && sampling.temperature <= 2, "temperature is in its bounds");
  expect(sampling.top_p >= 0 && sampling.top_p <= 1, "top_p is in its bounds");
  expect(!made.max_tokens || *made.max_tokens >= 1, "max_tokens is in its bounds");
  for (const auto& message : made.messages)
    expect(is_utf8(message.content), "a message is UTF-8");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static json_reader reader(1 << 20);
  // Of exactly the size: simdjson pads by itself where it must.
  const std::string text(text_of(data, size));
  const auto object = reader.parse(text);
  if (!object) {
    check(object.error());
    return 0;
  }
  if (const auto chat = parse_chat_request(*object))
    check(chat->generation);
  else
    check(chat.error());
  if (const auto completion = parse_completion_request(*object))
    check(completion->generation);
  else
    check(completion.error());
  for (const auto way : {transport::http, transport::websocket})
    if (const auto made = parse_responses_request(*object, way))
      check(made->generation);
    else
      check(made.error());
  return 0;
}
