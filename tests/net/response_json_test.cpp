#include "net/chat_encoder.hpp"
#include "net/responses_encoder.hpp"
#include "tests/net/fake_front_door.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

const accepted_response accepted{"resp_0123", 1'700'000'001, "test/model", 7, 100, 1, ""};

std::vector<std::string> encode_all(event_encoder& encoder, const std::vector<response_event>& events) {
  std::vector<std::string> frames;
  encoder.accept(accepted);
  for (const auto& event : events)
    encoder.encode(event, frames);
  return frames;
}

std::vector<json> websocket_messages(const response_echo& echo, const std::vector<response_event>& events) {
  responses_encoder encoder(response_json(echo), responses_encoder::form::websocket);
  std::vector<json> messages;
  for (const auto& frame : encode_all(encoder, events))
    messages.push_back(json::parse(frame));
  return messages;
}

} // namespace

TEST_CASE("every event of an answer, in order and in shape", "[responses]") {
  const auto messages = websocket_messages({}, events_of("resp_0123", {"Hé", "\"\n"}));
  const std::vector<std::string> types = {"response.created",           "response.in_progress",
                                          "response.output_item.added", "response.content_part.added",
                                          "response.output_text.delta", "response.output_text.delta",
                                          "response.output_text.done",  "response.content_part.done",
                                          "response.output_item.done",  "response.completed"};
  REQUIRE(messages.size() == types.size());
  std::string deltas;
  for (size_t i = 0; i < types.size(); ++i) {
    CHECK(messages[i]["type"] == types[i]);
    CHECK(messages[i]["sequence_number"] == i);
    if (types[i] == "response.output_text.delta")
      deltas += messages[i]["delta"];
  }
  const std::string item_id = messages[2]["item"]["id"];
  CHECK(item_id == "msg_0123");
  CHECK(messages[2]["item"]["status"] == "in_progress");
  CHECK(messages[2]["item"]["role"] == "assistant");
  CHECK(messages[2]["item"]["content"].empty());
  CHECK(messages[3]["part"]["text"] == "");
  CHECK(messages[3]["part"]["annotations"].is_array());
  for (const size_t i : {3, 4, 6, 7}) {
    CHECK(messages[i]["item_id"] == item_id);
    CHECK(messages[i]["output_index"] == 0);
    CHECK(messages[i]["content_index"] == 0);
  }
  CHECK(deltas == "Hé\"\n");
  CHECK(messages[6]["text"] == deltas);
  CHECK(messages[7]["part"]["text"] == deltas);
  CHECK(messages[8]["item"]["content"][0]["text"] == deltas);
  CHECK(messages[8]["item"]["status"] == "completed");
  const auto& response = messages[9]["response"];
  CHECK(response["output"][0] == messages[8]["item"]);
  CHECK(response["completed_at"] == 1'700'000'009);
  CHECK(response["usage"]["input_tokens"] == 7);
  CHECK(response["usage"]["output_tokens"] == 3);
  CHECK(response["usage"]["total_tokens"] == 10);
  CHECK(response["usage"]["input_tokens_details"]["cached_tokens"] == 3);
  CHECK(response["usage"]["output_tokens_details"]["reasoning_tokens"] == 0);
}

TEST_CASE("a response object has all 31 fields, in every event", "[responses]") {
  response_echo echo;
  echo.instructions = "be brief";
  echo.max_output_tokens = 20;
  echo.temperature = 0.7;
  echo.metadata = {{"k", "v"}};
  echo.store = false;
  echo.background = true;
  echo.previous_response_id = "resp_before";
  const auto messages = websocket_messages(echo, events_of("resp_0123", {"a"}));
  for (const size_t i : {size_t{0}, size_t{1}, messages.size() - 1}) {
    const auto& response = messages[i]["response"];
    CHECK(response.size() == 31);
    for (const char* name : {"id",
                             "object",
                             "created_at",
                             "completed_at",
                             "status",
                             "incomplete_details",
                             "model",
                             "previous_response_id",
                             "instructions",
                             "output",
                             "error",
                             "tools",
                             "tool_choice",
                             "truncation",
                             "parallel_tool_calls",
                             "text",
                             "top_p",
                             "presence_penalty",
                             "frequency_penalty",
                             "top_logprobs",
                             "temperature",
                             "reasoning",
                             "usage",
                             "max_output_tokens",
                             "max_tool_calls",
                             "store",
                             "background",
                             "service_tier",
                             "metadata",
                             "safety_identifier",
                             "prompt_cache_key"})
      CHECK(response.contains(name));
    CHECK(response["id"] == "resp_0123");
    CHECK(response["object"] == "response");
    CHECK(response["instructions"] == "be brief");
    CHECK(response["temperature"].dump() == "0.7");
    CHECK(response["metadata"]["k"] == "v");
    CHECK(response["max_output_tokens"] == 20);
    CHECK(response["store"] == false);
    CHECK(response["background"] == true);
    CHECK(response["previous_response_id"] == "resp_before");
  }
  CHECK(messages[0]["response"]["status"] == "in_progress");
  CHECK(messages[0]["response"]["usage"].is_null());
  CHECK(messages[0]["response"]["completed_at"].is_null());
}

TEST_CASE("an answer cut at its limit is incomplete, and so is its item", "[responses]") {
  const auto messages = websocket_messages({}, events_of("resp_0123", {"a"}, event_kind::incomplete));
  CHECK(messages[7]["type"] == "response.output_item.done");
  CHECK(messages[7]["item"]["status"] == "incomplete");
  const auto& last = messages.back();
  CHECK(last["type"] == "response.incomplete");
  CHECK(last["response"]["status"] == "incomplete");
  CHECK(last["response"]["incomplete_details"]["reason"] == "max_output_tokens");
  CHECK(last["response"]["output"][0]["status"] == "incomplete");
}

TEST_CASE("a failure is the last event", "[responses]") {
  const auto messages = websocket_messages({}, events_of("resp_0123", {"a"}, event_kind::failed));
  const auto& last = messages.back();
  CHECK(last["type"] == "response.failed");
  CHECK(last["response"]["status"] == "failed");
  CHECK(last["response"]["error"]["code"] == "engine_failed");
  CHECK(last["response"]["error"]["message"] == "the engine could not finish it");
  CHECK(last["response"]["error"].size() == 2);
  CHECK(last["response"]["output"][0]["status"] == "incomplete");
}

TEST_CASE("SSE frames carry the type twice and end with DONE", "[responses]") {
  responses_encoder encoder(response_json(response_echo()), responses_encoder::form::sse);
  const auto frames = encode_all(encoder, events_of("resp_0123", {"a\nb"}));
  REQUIRE(frames.size() == 10);
  for (size_t i = 0; i + 1 < frames.size(); ++i) {
    const auto& frame = frames[i];
    const auto line_end = frame.find('\n');
    const auto name = frame.substr(7, line_end - 7);
    CHECK(frame.starts_with("event: response."));
    CHECK(frame.substr(line_end + 1, 6) == "data: ");
    CHECK(frame.ends_with("\n\n"));
    CHECK(std::count(frame.begin(), frame.end(), '\n') == 3);
    CHECK(json::parse(frame.substr(line_end + 7))["type"] == name);
  }
  CHECK(frames.back() == "data: [DONE]\n\n");
}

TEST_CASE("a whole answer is one JSON text", "[responses]") {
  responses_encoder encoder(response_json(response_echo()), responses_encoder::form::body);
  const auto frames = encode_all(encoder, events_of("resp_0123", {"a", "b"}));
  REQUIRE(frames.size() == 1);
  const auto body = json::parse(frames[0]);
  CHECK(body.size() == 31);
  CHECK(body["output"][0]["content"][0]["text"] == "ab");
  chat_encoder chat(chat_form(), {"resp_0123"});
  CHECK(encode_all(chat, events_of("resp_0123", {"a", "b"})).size() == 1);
}

TEST_CASE("a reader who comes back gets the same bytes", "[responses]") {
  response_echo echo;
  echo.instructions = "line one\nline two";
  echo.metadata = {{"k", "v"}};
  const response_json first(echo, "strm_secret");
  const auto events = events_of("resp_0123", {"a", "b"});
  for (const auto shape : {responses_encoder::form::sse, responses_encoder::form::websocket}) {
    responses_encoder original(first, shape);
    const auto all = encode_all(original, events);
    CHECK(all.front().find("\"stream_token\":\"strm_secret\"") != std::string::npos);
    for (size_t i = 1; i < all.size(); ++i)
      CHECK(all[i].find("strm_secret") == std::string::npos);
    for (size_t after = 0; after < events.size(); ++after) {
      responses_encoder later(response_json(), shape);
      auto attached = accepted;
      attached.door_state = first.door_state();
      later.accept(attached);
      std::vector<std::string> rest;
      for (size_t i = after; i < events.size(); ++i)
        later.encode(events[i], rest);
      CHECK(rest == std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(after), all.end()));
    }
  }
}

TEST_CASE("GET says cancelled where the event says failed", "[responses]") {
  response_json writer{response_echo()};
  writer.accept(accepted);
  auto last = events_of("resp_0123", {"a"}, event_kind::failed).back();
  CHECK(json::parse(writer.stored_object(last))["status"] == "failed");
  last.error = request_error::cancelled;
  CHECK(json::parse(writer.stored_object(last))["status"] == "cancelled");
  CHECK(json::parse(writer.event(last))["response"]["status"] == "failed");
}
