#include "base/version.hpp"
#include "cli/run_cli.hpp"
#include "tests/cli/pipe_input.hpp"
#include "tests/model/gguf_builder.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <vector>

using namespace troupe;
using Catch::Contains;

namespace {

cli_outcome run(std::vector<const char*> arguments, std::string_view typed = "") {
  pipe_input input(typed);
  arguments.insert(arguments.begin(), "troupe");
  int code = run_cli(static_cast<int>(arguments.size()), arguments.data(), input.attach());
  return {code, input.out.str(), input.err.str()};
}

size_t lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE("what is asked for wrongly ends with 2 and one sentence") {
  std::vector<std::vector<const char*>> wrong{
      {"fly"},
      {"--fly"},
      {"serve", "--fly"},
      {"serve", "extra"},
      {"serve", "--port", "70000"},
      {"serve", "--port", "http"},
      {"serve", "--port"},
      {"serve", "--host", "0.0.0.0"},
      {"serve", "--config", "/nonexistent/troupe.toml"},
      {"bench"},
      {"bench", "fly"},
      {"bench", "engine", "--rounds", "0"},
      {"bench", "engine", "--batch", "1,zero"},
      {"bench", "serve", "--url", "ftp://here"},
      {"bench", "serve", "--url", "https://here"},
      {"bench", "serve", "--concurrency", "0"},
      {"bench", "serve", "--api-key", "two words"},
      {"generate", "--raw", "--system", "x", "prompt"},
      {"generate", "one", "two"},
      {"chat", "--seed", "-1"},
      {"bench", "serve", "--seed", "-1"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const char* argument : arguments)
      line += std::string(argument) + " ";
    INFO(line);
    auto got = run(arguments);
    CHECK(got.code == 2);
    CHECK(got.out.empty());
    CHECK_THAT(got.err, Catch::StartsWith("troupe: "));
    CHECK(lines(got.err) == 1);
  }
}

TEST_CASE("an unknown command is named, with a guess and where to look") {
  CHECK_THAT(run({"serv"}).err,
             Contains("no command serv") && Contains("serve") && Contains("troupe --help"));
  CHECK_THAT(run({"bench", "engin"}).err, Contains("engine") && Contains("troupe bench --help"));
  CHECK_THAT(run({"serve", "--fly"}).err, Contains("--fly") && Contains("troupe serve --help"));
}

TEST_CASE("an unknown flag comes with the nearest one, a model in the wrong place with the right one") {
  CHECK(run({"serve", "--prot", "9000"}).err ==
        "troupe: There is no flag --prot; did you mean --port? See troupe serve --help.\n");
  CHECK_THAT(run({"bench", "engine", "--rouds=3"}).err, Contains("no flag --rouds; did you mean --rounds?") &&
                                                            Contains("See troupe bench engine --help."));
  CHECK_THAT(run({"chat", "--zzzzzzzz"}).err, Contains("no flag --zzzzzzzz. See"));
  CHECK_THAT(run({"serve", "my.gguf"}).err, Contains("use --model my.gguf. See troupe serve --help."));
  CHECK_THAT(run({"serve", "extra"}).err, Contains("extra"));
}

TEST_CASE("no arguments show the help, as an error") {
  auto got = run({});
  CHECK(got.code == 2);
  CHECK_THAT(got.err, Contains("Examples:") && Contains("troupe serve"));
}

TEST_CASE("help is output, fits 100 columns and has examples") {
  for (std::vector<const char*> arguments : {std::vector<const char*>{"--help"},
                                             {"serve", "--help"},
                                             {"chat", "--help"},
                                             {"generate", "-h"},
                                             {"bench", "engine", "--help"},
                                             {"bench", "serve", "--help"}}) {
    auto got = run(arguments);
    INFO(got.out);
    CHECK(got.code == 0);
    CHECK(got.err.empty());
    CHECK_THAT(got.out, Contains("Examples:"));
    std::istringstream text(got.out);
    for (std::string line; std::getline(text, line);)
      CHECK(line.size() <= 100);
  }
  CHECK_THAT(run({"serve", "--help"}).out, Contains("--max-model-len") && Contains("--print-config"));
}

TEST_CASE("the version comes with commit, compiler and instruction sets") {
  for (const char* how : {"--version", "version"}) {
    auto got = run({how});
    CHECK(got.code == 0);
    CHECK_THAT(got.out, Contains(version) && Contains(commit) && Contains("GNU") && Contains("portable"));
  }
}

TEST_CASE("print-config shows a flag's value and where it came from") {
  auto got = run({"serve", "--port", "9123", "--print-config"});
  CHECK(got.code == 0);
  CHECK_THAT(got.out, Contains("port = 9123") && Contains("--port"));
}

TEST_CASE("a missing model ends with 1 and says what to do") {
  for (std::vector<const char*> arguments :
       {std::vector<const char*>{"serve"}, {"generate", "hello"}, {"chat"}, {"bench", "engine"}}) {
    arguments.insert(arguments.end(), {"--model", "/nonexistent/x.gguf"});
    auto got = run(arguments);
    CHECK(got.code == 1);
    CHECK(got.out.empty());
    CHECK(lines(got.err) == 1);
    CHECK_THAT(got.err, Contains("/nonexistent/x.gguf") && Contains("run ./deploy/fetch_model.sh"));
  }
}

TEST_CASE("TROUPE_HOME is a place and no setting, other unknown variables are refused") {
  setenv("TROUPE_HOME", "/nonexistent", 1);
  CHECK(run({"serve", "--print-config"}).code == 0);
  unsetenv("TROUPE_HOME");
  setenv("TROUPE_PROT", "1", 1);
  auto got = run({"serve", "--print-config"});
  unsetenv("TROUPE_PROT");
  CHECK(got.code == 2);
  CHECK_THAT(got.err, Contains("TROUPE_PROT"));
}

TEST_CASE("a bad sampling value ends with 2 before a model is loaded") {
  auto got = run({"generate", "hello", "--temperature", "9", "--model", "CMakeLists.txt"});
  CHECK(got.code == 2);
  CHECK_THAT(got.err, Contains("temperature"));
  CHECK(run({"generate", "--max-tokens", "0", "hello", "--model", "CMakeLists.txt"}).code == 2);
  CHECK(run({"generate", "\xff", "--model", "CMakeLists.txt"}).code == 2);
  CHECK(run({"generate", "--model", "CMakeLists.txt"}, "").code == 2);
}

TEST_CASE("a file that is no model ends with 1 and a sentence") {
  for (std::vector<const char*> arguments :
       {std::vector<const char*>{"generate", "hello"}, {"bench", "engine"}}) {
    arguments.insert(arguments.end(), {"--model", "CMakeLists.txt"});
    auto got = run(arguments);
    CHECK(got.code == 1);
    CHECK(got.out.empty());
    CHECK_THAT(got.err, Catch::StartsWith("troupe: "));
  }
}

TEST_CASE("check says what a file holds, or in one sentence why it does not load") {
  const auto model = test::default_model().string();
  const auto good = run({"check", model.c_str()});
  CHECK(good.code == 0);
  CHECK_THAT(good.out, Contains(": loads\n") && Contains("llama, 135 M parameters, 30 layers") &&
                           Contains("q4_1") && Contains("gpt2 (smollm), 49152 tokens"));
  const auto missing = run({"check", "/nonexistent/model.gguf"});
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  CHECK(lines(missing.err) == 1);
  CHECK_THAT(missing.err, Contains("/nonexistent/model.gguf"));
}
