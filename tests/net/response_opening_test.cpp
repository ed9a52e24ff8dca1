#include "net/response_opening.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

class opening_world {
public:
  manual_clock clock;
  response_store store{1 << 20, milliseconds(86'400'000), clock};
  response_asker ada{"ada", "req_1", nullptr};

  tl::expected<response_opening, api_error> open(const std::string& body) { return open(body, ada); }
  tl::expected<response_opening, api_error> open(const std::string& body, const response_asker& who) {
    json_reader reader(1 << 20);
    auto request = parse_responses_request(*reader.parse(body), transport::http);
    REQUIRE(request);
    return open_response(store, std::move(*request), who);
  }

  /// One that has ended, with this answer.
  std::shared_ptr<response_record> answered(const std::string& body, const std::string& answer) {
    auto opening = open(body);
    REQUIRE(opening);
    auto& record = opening->record;
    record->state = response_record::phase::completed;
    record->output = answer;
    record->conversation.push_back({"assistant", answer});
    store.add(record);
    return record;
  }
};

std::string texts(const response_opening& opening) {
  std::string joined;
  for (const auto& message : opening.generation.messages)
    joined += message.role + ":" + message.content + "|";
  return joined;
}

std::string continuing(const std::string& id, const std::string& more) {
  return R"({"previous_response_id":")" + id + "\"" + more + "}";
}

} // namespace

TEST_CASE("a first response", "[opening]") {
  opening_world world;
  const auto opening = world.open(R"({"instructions":"be brief","input":[{"role":"developer","content":"d"},
      {"role":"user","content":"hi"}]})");
  REQUIRE(opening);
  CHECK(texts(*opening) == "system:be brief|system:d|user:hi|");
  CHECK(opening->generation.response_id == opening->record->id);
  CHECK(opening->generation.request_id == "req_1");
  CHECK(opening->record->owner == "ada");
  CHECK(opening->record->input[0].role == "developer"); // as the client gave it
  CHECK(opening->record->conversation.size() == 2);     // without the instructions
  CHECK(opening->store);
}

TEST_CASE("who may come back, and how", "[opening]") {
  opening_world world;
  const auto stored = world.open(R"({"input":"a"})")->generation.resume;
  CHECK(stored.owner == "ada");
  CHECK(stored.token_optional);
  CHECK(stored.stream_token.starts_with("strm_"));
  CHECK(stored.stream_token.size() == 37);
  CHECK_FALSE(stored.door_state.empty());
  CHECK(stored.door_state.find(stored.stream_token) == std::string::npos); // nobody streams: it is not told
  const auto streamed = world.open(R"({"input":"a","store":false,"stream":true})")->generation.resume;
  CHECK_FALSE(streamed.token_optional);
  CHECK(streamed.door_state.starts_with(streamed.stream_token + "\n"));
  const auto neither = world.open(R"({"input":"a","store":false})")->generation.resume;
  CHECK(neither.stream_token.empty());
  CHECK(neither.door_state.empty());
  CHECK(world.open(R"({"input":"a"})")->generation.resume.stream_token != stored.stream_token);
}

TEST_CASE("a chain: old input, old output, new input, transitively", "[opening]") {
  opening_world world;
  const auto first = world.answered(R"({"instructions":"old","input":"one"})", "eins");
  const auto second = world.answered(continuing(first->id, R"(,"input":"two")"), "zwei");
  const auto third = world.open(continuing(second->id, R"(,"instructions":"new","input":"three")"));
  REQUIRE(third);
  CHECK(texts(*third) == "system:new|user:one|assistant:eins|user:two|assistant:zwei|user:three|");
  CHECK(third->record->input.size() == 1);
  const auto without = world.open(continuing(first->id, ""));
  REQUIRE(without);
  CHECK(texts(*without) == "user:one|assistant:eins|");
  world.store.erase(first->id, "ada"); // the second has its own past
  CHECK(texts(*world.open(continuing(second->id, R"(,"input":"x")"))) ==
        "user:one|assistant:eins|user:two|assistant:zwei|user:x|");
}

TEST_CASE("what cannot be continued", "[opening]") {
  opening_world world;
  const auto first = world.answered(R"({"input":"one"})", "eins");
  const auto refused = [&](const std::string& id, const response_asker& who) {
    const auto opening = world.open(continuing(id, R"(,"input":"two")"), who);
    REQUIRE_FALSE(opening);
    CHECK(opening.error().status == 400);
    CHECK(opening.error().param == "previous_response_id");
    return opening.error().code;
  };
  CHECK(refused("resp_none", world.ada) == "previous_response_not_found");
  CHECK(refused(first->id, {"bob", "", nullptr}) == "previous_response_not_found");
  for (const auto state : {response_record::phase::in_progress, response_record::phase::failed,
                           response_record::phase::cancelled}) {
    first->state = state;
    CHECK(refused(first->id, world.ada) == "invalid_value");
  }
  first->state = response_record::phase::incomplete;
  CHECK(world.open(continuing(first->id, R"(,"input":"two")")));
  world.store.erase(first->id, "ada");
  CHECK(refused(first->id, world.ada) == "previous_response_not_found");
}

TEST_CASE("a connection's own memory serves what is not stored", "[opening]") {
  opening_world world;
  auto opening = world.open(R"({"input":"one","store":false})");
  REQUIRE(opening);
  const auto record = opening->record;
  record->state = response_record::phase::completed;
  record->output = "eins";
  record->conversation.push_back({"assistant", "eins"});
  const response_asker here{"ada", "", record};
  const auto next = world.open(continuing(record->id, R"(,"input":"two","store":false)"), here);
  REQUIRE(next);
  CHECK(texts(*next) == "user:one|assistant:eins|user:two|");
  CHECK(texts(*world.open(R"({"input":[{"id":")" + record->output_item_id() + R"("}]})", here)) ==
        "assistant:eins|");
  CHECK_FALSE(world.open(continuing(record->id, R"(,"input":"two")")));
}

TEST_CASE("references become the items that they name", "[opening]") {
  opening_world world;
  const auto first = world.answered(R"({"input":[{"role":"user","content":"one"},
      {"role":"user","content":"two"}]})",
                                    "drei");
  const auto opening =
      world.open(R"({"input":[{"id":")" + first->output_item_id() + R"("},{"type":"item_reference","id":")" +
                 first->input_item_id(1) + R"("},{"role":"user","content":"x"}]})");
  REQUIRE(opening);
  CHECK(texts(*opening) == "assistant:drei|user:two|user:x|");
  for (const auto& id : {first->input_item_id(2), std::string("msg_none"), first->output_item_id() + "_"}) {
    const auto refused = world.open(R"({"input":[{"role":"user","content":"x"},{"id":")" + id + R"("}]})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status == 400);
    CHECK(refused.error().param == "input[1].id");
  }
  first->state = response_record::phase::in_progress;
  CHECK_FALSE(world.open(R"({"input":[{"id":")" + first->output_item_id() + R"("}]})"));
}
