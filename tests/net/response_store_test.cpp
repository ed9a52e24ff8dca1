#include "net/response_store.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

constexpr size_t plenty = 1 << 20;
constexpr milliseconds day{86'400'000};

std::shared_ptr<response_record> record(const std::string& id, const std::string& owner = "",
                                        size_t bytes = 0) {
  auto made = std::make_shared<response_record>();
  made->id = id;
  made->owner = owner;
  made->object = std::string(bytes, 'x');
  return made;
}

} // namespace

TEST_CASE("a stored response is its owner's alone", "[store]") {
  manual_clock clock;
  response_store store(plenty, day, clock);
  store.add(record("resp_1", "ada"));
  CHECK(store.find("resp_1", "ada"));
  CHECK_FALSE(store.find("resp_1", "bob"));
  CHECK_FALSE(store.find("resp_1", ""));
  CHECK_FALSE(store.find("resp_2", "ada"));
  CHECK_FALSE(store.erase("resp_1", "bob"));
  CHECK(store.find("resp_1", "ada"));
}

TEST_CASE("the least recently used goes first", "[store]") {
  manual_clock clock;
  response_store store(40'000, day, clock);
  store.add(record("resp_1", "", 10'000));
  store.add(record("resp_2", "", 10'000));
  store.add(record("resp_3", "", 10'000));
  CHECK(store.size() == 3);
  CHECK(store.find("resp_1", "")); // used: now resp_2 is the oldest
  store.add(record("resp_4", "", 10'000));
  CHECK(store.size() == 3);
  CHECK_FALSE(store.find("resp_2", ""));
  CHECK(store.find("resp_1", ""));
  CHECK(store.bytes() <= 40'000);
  store.add(record("resp_5", "", 50'000)); // more than fits at all
  CHECK(store.size() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("a record that grows is counted anew", "[store]") {
  manual_clock clock;
  response_store store(40'000, day, clock);
  const auto first = record("resp_1", "", 10'000);
  const auto second = record("resp_2", "", 10'000);
  store.add(first);
  store.add(second);
  const auto before = store.bytes();
  second->conversation.push_back({"user", std::string(25'000, 'y')});
  store.changed(*second);
  CHECK(store.bytes() > 25'000);
  CHECK(store.bytes() < before + 25'000);
  CHECK_FALSE(store.find("resp_1", ""));
  first->object += std::string(1000, 'x');
  store.changed(*first); // pushed out: it does not come back
  CHECK_FALSE(store.find("resp_1", ""));
}

TEST_CASE("stored responses age", "[store]") {
  manual_clock clock;
  response_store store(plenty, milliseconds(1000), clock);
  store.add(record("resp_1"));
  clock.advance(milliseconds(600));
  store.add(record("resp_2"));
  CHECK(store.find("resp_1", ""));
  clock.advance(milliseconds(400));
  CHECK_FALSE(store.find("resp_1", "")); // being used does not keep it
  CHECK(store.find("resp_2", ""));
  clock.advance(milliseconds(600));
  store.add(record("resp_3"));
  CHECK(store.size() == 1); // what nobody asks for goes, too
}

TEST_CASE("an erased response leaves a mark", "[store]") {
  manual_clock clock;
  response_store store(plenty, day, clock);
  const auto one = record("resp_1", "ada", 10'000);
  store.add(one);
  CHECK_FALSE(store.was_erased("resp_1"));
  CHECK(store.erase("resp_1", "ada"));
  CHECK(store.was_erased("resp_1"));
  CHECK(one->erased);
  CHECK(store.bytes() < 10'000);
  CHECK_FALSE(store.find("resp_1", "ada"));
  CHECK_FALSE(store.erase("resp_1", "ada"));
  CHECK_FALSE(store.was_erased("resp_2"));
}

TEST_CASE("items are found by their ids", "[store]") {
  manual_clock clock;
  response_store store(plenty, day, clock);
  const auto one = record("resp_0a", "ada");
  one->input = {{"user", "hi"}, {"user", "there"}};
  store.add(one);
  CHECK(store.find_by_item(one->output_item_id(), "ada") == one);
  CHECK(store.find_by_item(one->input_item_id(1), "ada") == one);
  CHECK_FALSE(store.find_by_item(one->output_item_id(), "bob"));
  CHECK_FALSE(store.find_by_item("msg_0b", "ada"));
  CHECK_FALSE(store.find_by_item("", "ada"));
  CHECK_FALSE(store.find_by_item("rs_0a", "ada"));
}
