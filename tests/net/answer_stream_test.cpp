#include "net/answer_stream.hpp"

#include "net/chat_encoder.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

/// Of the responses door, as far as this test needs it.
class silent_encoder final : public event_encoder {
public:
  void accept(const accepted_response&) override {}
  void encode(const response_event&, std::vector<std::string>&) override {}
};

std::string refused_param(std::unique_ptr<event_encoder> encoder, const std::string& param) {
  answer_stream stream(
      std::move(encoder), [] {}, 1 << 20);
  stream.on_rejected({request_error::context_length_exceeded, "the prompt has 9 tokens", param, 0});
  REQUIRE(stream.state() == answer_stream::phase::rejected);
  return stream.refused().param;
}

} // namespace

TEST_CASE("a refused prompt is named as its door calls it", "[answer_stream]") {
  CHECK(refused_param(std::make_unique<silent_encoder>(), "messages") == "input");
  CHECK(refused_param(std::make_unique<chat_encoder>(chat_form(), std::vector<std::string>{"resp_1"}),
                      "messages") == "messages");
  CHECK(refused_param(std::make_unique<silent_encoder>(), "temperature") == "temperature");
  CHECK(refused_param(std::make_unique<silent_encoder>(), "").empty());
}
