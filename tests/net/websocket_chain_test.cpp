#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

/// One connection whose turns are answered at once.
class chain_world {
public:
  chain_world() {
    under.door->on_submit = answer_with({"a"});
    REQUIRE(client.upgrade());
  }

  /// The last message of a turn with these fields.
  json turn(json fields) { return turn(client, std::move(fields)); }
  json turn(raw_client& socket, json fields) {
    fields["type"] = "response.create";
    socket.send_text(fields.dump());
    while (true) {
      const auto frame = socket.read_frame();
      REQUIRE(frame);
      const auto message = json::parse(frame->payload);
      const std::string type = message["type"];
      if (type == "error" || type == "response.completed" || type == "response.failed")
        return message;
    }
  }

  /// An unstored first response; its id.
  std::string first(const char* input = "one") {
    return turn({{"input", input}, {"store", false}})["response"]["id"];
  }

  static bool unknown(const json& message) {
    return message["type"] == "error" && message["status"] == 400 &&
           message["error"]["code"] == "previous_response_not_found" &&
           message["error"]["param"] == "previous_response_id";
  }

  size_t last_messages() const {
    return under.door->request(under.door->request_count() - 1).messages.size();
  }

  server_under_test under;
  raw_client client{under.port()};
};

json next(const std::string& id, bool store = false) {
  return {{"input", "more"}, {"store", store}, {"previous_response_id", id}};
}

} // namespace

TEST_CASE("a connection continues what is stored nowhere", "[websocket][chain]") {
  chain_world world;
  std::string id = world.first();
  for (size_t turns = 1; turns < 4; ++turns) {
    const auto message = world.turn(next(id));
    REQUIRE(message["type"] == "response.completed");
    CHECK(message["response"]["previous_response_id"] == id);
    CHECK(world.last_messages() == 2 * turns + 1);
    id = message["response"]["id"];
  }
}

TEST_CASE("only the latest response is remembered, and only here", "[websocket][chain]") {
  chain_world world;
  const auto first = world.first();
  raw_client other(world.under.port());
  REQUIRE(other.upgrade());
  CHECK(chain_world::unknown(world.turn(other, next(first))));
  const auto second = world.first("two");
  CHECK(chain_world::unknown(world.turn(next(first))));
  CHECK(world.turn(next(second))["type"] == "response.completed"); // that was another id's failure
}

TEST_CASE("a stored response is known on every connection", "[websocket][chain]") {
  chain_world world;
  const std::string id = world.turn({{"input", "one"}})["response"]["id"];
  world.first("two");
  raw_client other(world.under.port());
  REQUIRE(other.upgrade());
  CHECK(world.turn(other, next(id))["type"] == "response.completed");
  CHECK(world.turn(next(id, true))["type"] == "response.completed");
}

TEST_CASE("a continuation that fails evicts what it named", "[websocket][chain]") {
  chain_world world;
  const auto id = world.first();
  auto bad = next(id);
  SECTION("a field is wrong") {
    bad["temperature"] = 9;
    CHECK(world.turn(bad)["status"] == 400);
  }
  SECTION("a function's output that nothing asked for") {
    bad["input"] = json::array({{{"type", "function_call_output"}, {"call_id", "call_1"}, {"output", "x"}}});
    CHECK(world.turn(bad)["status"] == 400);
  }
  SECTION("the front door refuses") {
    world.under.door->on_submit = [](fake_front_door& door, const generation_request& request) {
      door.reject(request.response_id, {request_error::not_ready, "loading", "", 1});
    };
    CHECK(world.turn(bad)["status"] == 503);
  }
  SECTION("it fails in its middle") {
    world.under.door->on_submit = answer_with({"a"}, event_kind::failed);
    CHECK(world.turn(bad)["type"] == "response.failed");
  }
  world.under.door->on_submit = answer_with({"a"});
  CHECK(chain_world::unknown(world.turn(next(id))));
  CHECK(world.turn({{"input", "anew"}, {"store", false}})["type"] == "response.completed");
}

TEST_CASE("a failure that names nothing evicts nothing", "[websocket][chain]") {
  chain_world world;
  const auto id = world.first();
  CHECK(world.turn({{"input", "x"}, {"temperature", 9}})["status"] == 400);
  CHECK(world.turn(next(id))["type"] == "response.completed");
}

TEST_CASE("another reader takes a turn over: the connection ends", "[websocket][chain]") {
  server_under_test under;
  raw_client client(under.port());
  REQUIRE(client.upgrade());
  client.send_text(R"({"type":"response.create","input":"hi"})");
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  raw_client second(under.port());
  second.send(get("/v1/responses/" + id + "?stream=true"));
  CHECK(under.door->wait_for_attach(0).starting_after == -1);
  under.door->accept_reader(id, under.door->request(0).resume.door_state);
  const auto frame = client.read_frame();
  REQUIRE(frame);
  CHECK(frame->opcode == 8);
  CHECK(frame->close_code() == 1008);
  under.door->send(id, events_of(id, {"a"}));
  CHECK(second.read_answer().body.ends_with("[DONE]\n\n"));
}
