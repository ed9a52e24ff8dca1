#include "cli/chat_session.hpp"
#include "cli/exit_code.hpp"
#include "tests/cli/fake_door.hpp"
#include "tests/cli/pipe_input.hpp"

#include <catch2/catch.hpp>
#include <csignal>

using namespace troupe;
using Catch::Contains;

namespace {

struct chat_run {
  fake_door door;
  sampling_flags sampling;
  signal_watch signals{SIGUSR1};

  int code = -1;
  std::string out, err;

  void type(std::string_view typed, bool terminal = false) {
    pipe_input input(typed);
    input.io.in_is_terminal = terminal;
    code = chat_session(door, sampling, input.attach(), signals).run();
    out = input.out.str();
    err = input.err.str();
  }
};

using turns = std::vector<std::pair<std::string, std::string>>;

turns turns_of(const generation_request& request) {
  turns out;
  for (const chat_message& message : request.messages)
    out.emplace_back(message.role, message.content);
  return out;
}

} // namespace

TEST_CASE("a conversation keeps its history, and the last line needs no end") {
  chat_run run;
  run.sampling.system = "Be brief.";
  run.sampling.max_tokens = 5;
  run.door.scripts = {{.pieces = {"Hi", "!"}, .problem = {}}, {.pieces = {"Bye"}, .problem = {}}};
  run.type("Hello\r\n\n  \nSo long");
  CHECK(run.code == exit_success);
  CHECK(run.out == "Hi!\nBye\n");
  CHECK(run.err.empty());
  REQUIRE(run.door.requests.size() == 2);
  CHECK(turns_of(run.door.requests[0]) == turns{{"system", "Be brief."}, {"user", "Hello"}});
  CHECK(turns_of(run.door.requests[1]) ==
        turns{{"system", "Be brief."}, {"user", "Hello"}, {"assistant", "Hi!"}, {"user", "So long"}});
  CHECK(run.door.requests[1].max_tokens == 5);
  CHECK(run.door.requests[0].response_id != run.door.requests[1].response_id);
}

TEST_CASE("reset forgets all but the system message; exit ends before what follows") {
  chat_run run;
  run.sampling.system = "S";
  run.door.scripts = {{.pieces = {"a"}, .problem = {}}, {.pieces = {"b"}, .problem = {}}};
  run.type("one\n/reset\ntwo\n/exit\nthree\n");
  REQUIRE(run.door.requests.size() == 2);
  CHECK(turns_of(run.door.requests[1]) == turns{{"system", "S"}, {"user", "two"}});
  CHECK(run.code == exit_success);
}

TEST_CASE("commands are lone words; a sentence may start with a slash") {
  chat_run run;
  run.door.scripts = {{.pieces = {"ok"}, .problem = {}}};
  run.type("/help\n/fly\n/usr holds programs\n");
  CHECK_THAT(run.err, Contains("/reset") && Contains("There is no command /fly"));
  REQUIRE(run.door.requests.size() == 1);
  CHECK(run.door.requests[0].messages[0].content == "/usr holds programs");
}

TEST_CASE("a full context is said, and the refused turn does not stay") {
  chat_run run;
  run.door.scripts = {{.pieces = {"x"}, .end = event_kind::incomplete, .problem = {}, .prompt_tokens = 99},
                      {.pieces = {},
                       .error = request_error::context_length_exceeded,
                       .problem = "need 120 tokens",
                       .rejected = true},
                      {.pieces = {"y"}, .problem = {}}};
  run.type("one\ntwo\nthree\n");
  CHECK_THAT(run.err, Contains("fills the context of 100 tokens") && Contains("no longer fits the context"));
  REQUIRE(run.door.requests.size() == 3);
  CHECK(turns_of(run.door.requests[2]) == turns{{"user", "one"}, {"assistant", "x"}, {"user", "three"}});
  CHECK(run.code == exit_failed); // over a pipe nobody saw the remark
}

TEST_CASE("a signal stops the answer and not the program") {
  chat_run run;
  run.door.scripts = {{.pieces = {"endless"}, .end = event_kind::created, .problem = {}},
                      {.pieces = {"fine"}, .problem = {}}};
  run.door.before_answer = [&] {
    if (run.door.requests.size() == 1)
      raise(SIGUSR1);
  };
  run.type("go on\nand now?\n", true);
  CHECK(run.code == exit_success);
  REQUIRE(run.door.cancelled.size() == 1);
  CHECK(run.door.cancelled[0] == run.door.requests.at(0).response_id);
  REQUIRE(run.door.requests.size() == 2);
  CHECK_THAT(run.out, Contains("(stopped)") && Contains("fine"));
}

TEST_CASE("a signal at the prompt drops the line that was begun") {
  chat_run run;
  raise(SIGUSR1);
  run.type("hello\n", true);
  CHECK_THAT(run.out, Contains("(Ctrl-D or /exit ends)"));
  CHECK(run.door.requests.size() == 1);
}

TEST_CASE("only a terminal sees prompts") {
  chat_run run;
  run.type("", true);
  CHECK_THAT(run.out, Contains("fake") && Contains("> "));
  run.type("");
  CHECK(run.out.empty());
}

TEST_CASE("input that is not text, or without an end, is refused") {
  chat_run run;
  run.type("\xff\n");
  CHECK(run.code == exit_failed);
  CHECK(run.door.requests.empty());

  pipe_input piece("");
  line_input endless(piece.fd());
  CHECK(endless.fill()); // the end
  CHECK(endless.ended());
}
