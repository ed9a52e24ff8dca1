#include "tests/net/raw_client.hpp"
#include "tests/net/server_under_test.hpp"
#include "tests/net/temporary_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

std::string request(const std::string& method, const std::string& path, const std::string& headers = "") {
  return method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

/// One exchange on a connection of its own.
raw_answer ask(const server_under_test& under, const std::string& bytes) {
  raw_client client(under.port());
  client.send(bytes);
  return client.read_answer();
}

json body_of(const raw_answer& answer) {
  return json::parse(answer.body);
}

std::string path_of(const std::string& id) {
  return "/v1/responses/" + id;
}

} // namespace

TEST_CASE("a response is stored unless it asks not to be", "[stored]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a", "b"});
  const auto made = body_of(ask(under, post("/v1/responses", R"({"input":"hi"})")));
  CHECK(made["store"] == true);
  const auto path = path_of(made["id"]);
  const auto again = ask(under, get(path));
  CHECK(again.code == 200);
  CHECK(body_of(again) == made);
  const auto unstored = body_of(ask(under, post("/v1/responses", R"({"input":"hi","store":false})")));
  CHECK(ask(under, get(path_of(unstored["id"]))).code == 404);
  CHECK(body_of(ask(under, get(path_of("resp_none"))))["error"]["code"] == "response_not_found");
}

TEST_CASE("a deleted response is gone", "[stored]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a"});
  const std::string id = body_of(ask(under, post("/v1/responses", R"({"input":"hi"})")))["id"];
  const auto deleted = ask(under, request("DELETE", path_of(id)));
  CHECK(deleted.code == 200);
  CHECK(body_of(deleted) == json({{"id", id}, {"object", "response"}, {"deleted", true}}));
  CHECK(ask(under, get(path_of(id))).code == 404);
  CHECK(ask(under, request("DELETE", path_of(id))).code == 404);
  CHECK(ask(under, get(path_of(id) + "/input_items")).code == 404);
  CHECK(ask(under, get(path_of(id) + "?stream=true")).code == 404); // and the ledger is not asked
  CHECK(under.door->attach_count() == 0);
}

TEST_CASE("in progress: GET, DELETE ends it", "[stored]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/responses", R"({"input":"hi"})"));
  const auto id = under.door->wait_for_request(0);
  CHECK(ask(under, get(path_of(id))).code == 404); // not accepted yet
  under.door->accept(id);
  const auto now = body_of(ask(under, get(path_of(id))));
  CHECK(now["status"] == "in_progress");
  CHECK(now["output"].empty());
  CHECK(ask(under, request("DELETE", path_of(id))).code == 200);
  CHECK(under.door->wait_for_stop(id));
  auto events = events_of(id, {"a"}, event_kind::failed);
  events.back().error = request_error::cancelled;
  under.door->send(id, events);
  CHECK(client.read_answer().code == 503);
  CHECK(ask(under, get(path_of(id))).code == 404); // its end does not bring it back
}

TEST_CASE("another key's response does not exist", "[stored]") {
  const temporary_file file("first-key-1234\nsecond-key-5678\n");
  auto config = test_settings();
  config.api_key_file = file.path();
  server_under_test under(config);
  under.door->on_submit = answer_with({"a"});
  const std::string mine = "Authorization: Bearer first-key-1234\r\n";
  const std::string other = "Authorization: Bearer second-key-5678\r\n";
  const std::string id = body_of(ask(under, post("/v1/responses", R"({"input":"hi"})", mine)))["id"];
  CHECK(ask(under, get(path_of(id), other)).code == 404);
  CHECK(ask(under, get(path_of(id) + "/input_items", other)).code == 404);
  CHECK(ask(under, request("DELETE", path_of(id), other)).code == 404);
  const auto refused =
      ask(under, post("/v1/responses", R"({"input":"x","previous_response_id":")" + id + "\"}", other));
  CHECK(refused.code == 400);
  CHECK(body_of(refused)["error"]["code"] == "previous_response_not_found");
  CHECK(ask(under, get(path_of(id))).code == 401);
  CHECK(ask(under, get(path_of(id), mine)).code == 200);
  const auto owner = under.door->request(0).resume.owner;
  CHECK(owner.size() == 32);
  CHECK(owner.find("first") == std::string::npos);
}

TEST_CASE("input items in pages", "[stored]") {
  server_under_test under;
  under.door->on_submit = answer_with({"a"});
  const std::string id = body_of(ask(under, post("/v1/responses", R"({"input":[{"role":"user","content":"0"},
      {"role":"assistant","content":"1"},{"role":"user","content":"2"}]})")))["id"];
  const auto list = [&](const std::string& query) {
    return body_of(ask(under, get(path_of(id) + "/input_items" + query)));
  };
  const auto texts = [](const json& page) {
    std::string joined;
    for (const auto& item : page["data"])
      joined += item["content"][0]["text"];
    return joined;
  };
  const auto all = list("");
  CHECK(all["object"] == "list");
  CHECK(texts(all) == "210");
  CHECK(all["has_more"] == false);
  CHECK(all["first_id"] == all["data"][0]["id"]);
  CHECK(all["last_id"] == all["data"][2]["id"]);
  CHECK(all["data"][1]["role"] == "assistant");
  CHECK(all["data"][1]["content"][0]["type"] == "output_text");
  CHECK(all["data"][0]["content"][0]["type"] == "input_text");
  CHECK(texts(list("?order=asc")) == "012");
  auto page = list("?limit=2&order=asc");
  CHECK(texts(page) == "01");
  CHECK(page["has_more"] == true);
  page = list("?limit=2&order=asc&after=" + std::string(page["last_id"]));
  CHECK(texts(page) == "2");
  CHECK(page["has_more"] == false);
  CHECK(texts(list("?after=" + std::string(all["data"][0]["id"]))) == "10");
  page = list("?after=" + std::string(all["last_id"]));
  CHECK(page["data"].empty());
  CHECK(page["first_id"].is_null());
  for (const char* bad : {"?limit=0", "?limit=101", "?limit=x", "?order=up", "?after=msg_none"}) {
    INFO(bad);
    const auto answer = ask(under, get(path_of(id) + "/input_items" + bad));
    CHECK(answer.code == 400);
    CHECK(std::string(bad).find(std::string(body_of(answer)["error"]["param"])) == 1);
  }
}

TEST_CASE("background: an answer at once, and no reader needed", "[stored]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/responses", R"({"input":"hi","background":true})"));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  const auto begun = client.read_answer();
  CHECK(begun.code == 200);
  CHECK(body_of(begun)["status"] == "in_progress");
  CHECK(body_of(begun)["background"] == true);
  const auto events = events_of(id, {"a", "b"});
  under.door->send(id, {events.begin(), events.begin() + 5});
  CHECK(under.door->wait_for_acknowledge(id, 4)); // without a reader
  under.door->send(id, {events.begin() + 5, events.end()});
  CHECK(under.door->wait_for_acknowledge(id, 9));
  const auto ended = body_of(ask(under, get(path_of(id))));
  CHECK(ended["status"] == "completed");
  CHECK(ended["output"][0]["content"][0]["text"] == "ab");
  CHECK_FALSE(under.door->was_cancelled(id));
  CHECK_FALSE(under.door->was_detached(id));
}

TEST_CASE("a background stream goes on without its reader", "[stored]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/responses", R"({"input":"hi","background":true,"stream":true})"));
  const auto id = under.door->wait_for_request(0);
  const auto events = events_of(id, {"first", "second"});
  under.door->accept(id);
  under.door->send(id, {events.begin(), events.begin() + 5});
  client.read_until("first");
  client.close();
  under.door->send(id, {events.begin() + 5, events.end()});
  CHECK(body_of(ask(under, get(path_of(id))))["status"] == "completed");
  CHECK_FALSE(under.door->was_detached(id));
}

TEST_CASE("cancel ends a background response, and no other", "[stored]") {
  server_under_test under;
  raw_client client(under.port());
  client.send(post("/v1/responses", R"({"input":"hi","background":true})"));
  const auto id = under.door->wait_for_request(0);
  under.door->accept(id);
  client.read_answer();
  raw_client other(under.port());
  other.send(request("POST", path_of(id) + "/cancel", "Content-Length: 0\r\n"));
  CHECK(under.door->wait_for_stop(id));
  auto events = events_of(id, {"a"}, event_kind::failed);
  events.back().error = request_error::cancelled;
  under.door->send(id, events);
  const auto cancelled = other.read_answer();
  CHECK(cancelled.code == 200);
  CHECK(body_of(cancelled)["status"] == "cancelled");
  CHECK(body_of(cancelled)["output"][0]["status"] == "incomplete");
  CHECK(ask(under, request("POST", path_of(id) + "/cancel", "Content-Length: 0\r\n")).code == 200); // again
  under.door->on_submit = answer_with({"a"});
  const std::string plain = body_of(ask(under, post("/v1/responses", R"({"input":"hi"})")))["id"];
  CHECK(ask(under, post(path_of(plain) + "/cancel", "{}")).code == 400);
  CHECK(ask(under, post(path_of("resp_none") + "/cancel", "{}")).code == 404);
}

TEST_CASE("paths and methods of stored responses", "[stored]") {
  server_under_test under;
  const auto wrong = ask(under, post(path_of("resp_1"), "{}"));
  CHECK(wrong.code == 405);
  CHECK(wrong.header("allow") == "GET, DELETE");
  CHECK(ask(under, get(path_of("resp_1") + "/cancel")).header("allow") == "POST");
  CHECK(ask(under, post(path_of("resp_1") + "/input_items", "{}")).header("allow") == "GET");
  for (const char* nothing : {"/v1/responses/", "/v1/responses/compact", "/v1/responses/resp_1/other",
                              "/v1/responses/resp_1/cancel/now"})
    CHECK(body_of(ask(under, get(nothing)))["error"]["code"] == "not_found");
}
