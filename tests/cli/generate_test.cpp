#include "cli/exit_code.hpp"
#include "cli/generate.hpp"
#include "tests/cli/fake_door.hpp"
#include "tests/cli/pipe_input.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

/// Takes so many bytes, then nothing more: a pipe whose reader left.
class closing_buffer final : public std::streambuf {
public:
  explicit closing_buffer(int room) : room_(room) {}
  std::string got;

protected:
  int_type overflow(int_type c) override {
    if (room_-- <= 0)
      return traits_type::eof();
    got.push_back(static_cast<char>(c));
    return c;
  }

private:
  int room_;
};

} // namespace

TEST_CASE("an answer comes out whole, with a line end, and everything else does not") {
  fake_door door;
  door.scripts.push_back({.pieces = {"Hel", "lo"}, .problem = {}});
  pipe_input input("");
  CHECK(write_answer(door, {}, input.attach()) == exit_success);
  CHECK(input.out.str() == "Hello\n");
  CHECK(input.err.str().empty());
  CHECK(door.acknowledged == 3);
  CHECK_THAT(door.requests.at(0).response_id, Catch::StartsWith("resp_"));
}

TEST_CASE("a refusal and a failure end with 1 and the error's sentence") {
  fake_door door;
  door.scripts.push_back({.pieces = {}, .problem = "Too long.", .rejected = true});
  door.scripts.push_back({.pieces = {"Hel"}, .end = event_kind::failed, .problem = "The engine is gone."});
  pipe_input refused(""), failed("");
  CHECK(write_answer(door, {}, refused.attach()) == exit_failed);
  CHECK(refused.out.str().empty());
  CHECK(refused.err.str() == "troupe: Too long.\n");
  CHECK(write_answer(door, {}, failed.attach()) == exit_failed);
  CHECK(failed.out.str() == "Hel\n");
  CHECK(failed.err.str() == "troupe: The engine is gone.\n");
}

TEST_CASE("a reader that goes away cancels the answer") {
  fake_door door;
  door.scripts.push_back({.pieces = {"Hello", " world"}, .end = event_kind::created, .problem = {}});
  closing_buffer buffer(7);
  std::ostream out(&buffer);
  std::ostringstream err;
  console io{.in_fd = 0, .out = out, .err = err};
  CHECK(write_answer(door, {}, io) == exit_failed);
  CHECK(buffer.got == "Hello w");
  REQUIRE(door.cancelled.size() == 1);
  CHECK(door.cancelled[0] == door.requests[0].response_id);
}
