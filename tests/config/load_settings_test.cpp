#include "config/load_settings.hpp"

#include "config/check_settings.hpp"
#include "config/errors.hpp"
#include "config/settings_file.hpp"
#include "config/settings_text.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace troupe;

namespace {

/// A file that lives as long as the test.
class settings_file {
public:
  explicit settings_file(const std::string& text) {
    std::string pattern = std::filesystem::temp_directory_path() / "troupe_settings_XXXXXX";
    int handle = mkstemp(pattern.data());
    REQUIRE(handle >= 0);
    path = pattern;
    std::ofstream(path) << text;
  }
  ~settings_file() { std::filesystem::remove(path); }
  settings_file(const settings_file&) = delete;
  std::string path;
};

error problem_of(const std::string& text) {
  settings_file file(text);
  auto loaded = load_settings({.file = file.path, .environment = {}, .flags = {}});
  REQUIRE_FALSE(loaded);
  error found = loaded.error();
  // The file's name differs from run to run.
  if (size_t at = found.message.find(file.path); at != std::string::npos)
    found.message.replace(at, file.path.size(), "FILE");
  return found;
}

error environment_problem(const std::string& name, const std::string& text) {
  auto loaded = load_settings({.file = {}, .environment = {{name, text}}, .flags = {}});
  REQUIRE_FALSE(loaded);
  return loaded.error();
}

} // namespace

TEST_CASE("without sources everything has its default") {
  auto loaded = load_settings({});
  REQUIRE(loaded);
  CHECK(loaded->values.port == 8080);
  CHECK(loaded->sources.at("server.port").kind == source_kind::fallback);
}

TEST_CASE("flag over environment over file over default") {
  settings_file file("[server]\nport = 1\nidle_timeout_ms = 1000\n\n[engine]\nthreads = 3\n");
  settings_sources sources{.file = file.path,
                           .environment = {{"TROUPE_PORT", "2"}, {"TROUPE_THREADS", "4"}, {"PATH", "/bin"}},
                           .flags = {{"server.port", "3"}}};
  auto loaded = load_settings(sources);
  REQUIRE(loaded);
  CHECK(loaded->values.port == 3);
  CHECK(loaded->sources.at("server.port").where == "--port");
  CHECK(loaded->values.threads == 4);
  CHECK(loaded->sources.at("engine.threads").where == "TROUPE_THREADS");
  CHECK(loaded->values.idle_timeout_ms == 1000);
  CHECK(loaded->sources.at("server.idle_timeout_ms").where == file.path + ":3");
  CHECK(loaded->values.connections_max == 8192);
}

TEST_CASE("TROUPE_CONFIG names the file, and --config overrides it") {
  settings_file one("server.port = 1\n"), two("server.port = 2\n");
  settings_sources sources{.file = {}, .environment = {{"TROUPE_CONFIG", one.path}}, .flags = {}};
  CHECK(load_settings(sources)->values.port == 1);
  sources.file = two.path;
  CHECK(load_settings(sources)->values.port == 2);
}

TEST_CASE("problems in a file name the key, the bound and the line") {
  auto bounds = problem_of("[engine]\n\nmax_batch_size = 0\n");
  CHECK(bounds.is(config_error::out_of_bounds));
  CHECK(bounds.message ==
        "engine.max_batch_size must be at least 1 and at most 1024, got 0 (FILE:3): sampling "
        "buffers hold one row of logits for each");
  auto type = problem_of("[engine]\nmax_batch_size = \"32\"\n");
  CHECK(type.is(config_error::wrong_type));
  CHECK(type.message ==
        "engine.max_batch_size must be a whole number, at least 1 and at most 1024, got \"32\" (FILE:2)");
  CHECK(problem_of("engine.max_batch_size = 3.5\n").message ==
        "engine.max_batch_size must be a whole number, at least 1 and at most 1024, got a value of type "
        "floating-point (FILE:1)");
  CHECK(problem_of("log.prompts = 1\n").message == "log.prompts must be true or false, got 1 (FILE:1)");
  CHECK(problem_of("model.path = [\"a\"]\n").is(config_error::wrong_type));

  auto unknown = problem_of("[engine]\nmax_bacth_size = 3\n");
  CHECK(unknown.is(config_error::unknown_key));
  CHECK(unknown.message ==
        "unknown setting engine.max_bacth_size (FILE:2); did you mean engine.max_batch_size?");
  CHECK(problem_of("port = 3\n").message == "unknown setting port (FILE:1); did you mean server.port?");
  CHECK(problem_of("zzzzzzzz = 3\n").message == "unknown setting zzzzzzzz (FILE:1)");
  CHECK(problem_of("[engin]\n").is(config_error::unknown_key));
  CHECK(problem_of("engine = 3\n").message ==
        "engine is a section, not a setting: write [engine] and its settings below it (FILE:1)");
  CHECK(problem_of("[engine.threads]\nx = 1\n").is(config_error::unknown_key));
  // The first problem of the file, not of the alphabet.
  CHECK(problem_of("[server]\nport = -1\n[engine]\nthreads = -1\n").message.find("server.port") == 0);

  auto syntax = problem_of("[engine]\nthreads = = 3\n");
  CHECK(syntax.is(config_error::syntax));
  CHECK(syntax.message.find("FILE:2: not valid TOML: ") == 0);
  CHECK(problem_of("a = \"\xff\"\n").is(config_error::syntax));
  CHECK(problem_of("server.port = 1\nserver.port = 2\n").is(config_error::syntax));
}

TEST_CASE("hostile files are errors, not crashes") {
  CHECK(problem_of("x = " + std::string(100'000, '[')).is(config_error::syntax));
  CHECK(problem_of(std::string(2 * 1024 * 1024, '#')).is(config_error::unreadable_file));
  CHECK(problem_of(std::string(500'000, 'k') + " = 1\n").is(config_error::unknown_key));
  for (const char* path : {"/does/not/exist.toml", "/", "/dev/zero", ""}) {
    INFO(path);
    auto loaded = load_settings({.file = path, .environment = {}, .flags = {}});
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().is(config_error::unreadable_file));
  }
}

TEST_CASE("an empty section is allowed") {
  CHECK(parse_settings_text("[engine]\n", "x")->size() == 1);
  settings_file file("[engine]\n");
  CHECK(load_settings({.file = file.path, .environment = {}, .flags = {}}));
}

TEST_CASE("problems in the environment") {
  CHECK(environment_problem("TROUPE_PORT", "99999").message ==
        "server.port must be at least 0 and at most 65535, got 99999 (TROUPE_PORT): TCP has no more");
  CHECK(environment_problem("TROUPE_PROT", "1").message ==
        "unknown setting in the environment variable TROUPE_PROT; did you mean TROUPE_PORT?");
  CHECK(environment_problem("TROUPE_THREADS", "").is(config_error::wrong_type));
}

TEST_CASE("variables that are not settings are left alone") {
  settings_sources sources;
  sources.environment = {{"TROUPE_TEST_MODEL", "x"},
                         {"TROUPE_UPDATE_DOCS", "1"},
                         {"TROUPE_PORT", "tcp://10.0.0.1:80"},
                         {"TROUPE_SERVICE_HOST", "10.0.0.1"},
                         {"TROUPE_PORT_80_TCP_ADDR", "10.0.0.1"},
                         {"TROUPER", "x"}};
  auto loaded = load_settings(sources);
  REQUIRE(loaded);
  CHECK(loaded->values.port == 8080);
}

TEST_CASE("settings that exclude each other") {
  auto conflict = [](std::vector<name_and_text> flags) {
    auto loaded = load_settings({.file = {}, .environment = {}, .flags = std::move(flags)});
    if (loaded)
      return std::string();
    CHECK(loaded.error().is(config_error::conflict));
    return loaded.error().message;
  };
  CHECK(conflict({{"server.host", "0.0.0.0"}}).find("set api_key_file") != std::string::npos);
  CHECK(conflict({{"server.host", "0.0.0.0"}, {"server.api_key_file", "keys"}}).empty());
  CHECK(conflict({{"server.host", ""}}).find("server.host is empty") == 0);
  CHECK(
      conflict({{"engine.max_batch_size", "64"}, {"engine.max_batch_tokens", "63"}})
          .find("is 63 (--max-batch-tokens), below engine.max_batch_size, which is 64 (--max-batch-size)") !=
      std::string::npos);
  CHECK(conflict({{"engine.max_batch_size", "1024"}}).find("is 512 (default), below") != std::string::npos);
  CHECK(conflict({{"engine.max_batch_size", "64"}, {"engine.max_batch_tokens", "64"}}).empty());
  CHECK(conflict({{"engine.step_time_max_ms", "500"}, {"engine.step_deadline_ms", "500"}})
            .find("engine.step") == 0);
  CHECK(conflict({{"engine.attention_window", "15"}}) ==
        "engine.attention_window is 15 (--attention-window), narrower than a KV page of 16 tokens: set it to "
        "16 or more, or "
        "to 0 for the model's own");
  CHECK(conflict({{"engine.attention_sinks", "4"}}) ==
        "engine.attention_sinks is 4 (--attention-sinks) but engine.attention_window is 0 (default): sinks "
        "are what stays "
        "visible beside a window, so set attention_window too");
  CHECK(conflict({{"engine.attention_window", "16"}, {"engine.attention_sinks", "4096"}}).empty());
}

TEST_CASE("loopback is an address, not a prefix of a name") {
  for (const char* yes : {"127.0.0.1", "127.8.9.10", "localhost", "::1", "0:0:0:0:0:0:0:1"})
    CHECK(is_loopback(yes));
  for (const char* no :
       {"", "0.0.0.0", "::", "127.evil.example", "10.0.0.1", "128.0.0.1", "127.1", "localhost.x"})
    CHECK_FALSE(is_loopback(no));
}

TEST_CASE("--print-config can be read back, whatever the values") {
  settings_sources sources;
  sources.flags = {
      {"model.path", "a \"quoted\\ path\" # é.gguf"}, {"server.port", "0"}, {"log.prompts", "true"}};
  auto loaded = load_settings(sources);
  REQUIRE(loaded);
  loaded->sources["server.port"].where = "a\nserver = 3"; // a file may be called so
  std::string text = settings_toml(*loaded);
  settings_file file(text);
  auto again = load_settings({.file = file.path, .environment = {}, .flags = {}});
  REQUIRE(again);
  CHECK(again->values.model_path == loaded->values.model_path);
  CHECK(again->values.port == 0);
  CHECK(again->values.log_prompts);
  again->sources = loaded->sources;
  CHECK(settings_toml(*again) == text);
  CHECK(text.find("max_batch_size = 32 # default") != std::string::npos);
  CHECK(text.find("# --log-prompts") != std::string::npos);
}

TEST_CASE("docs/settings.md is what the table says") {
  const char* path = "docs/settings.md";
  if (const char* update = std::getenv("TROUPE_UPDATE_DOCS"); update && std::string(update) == "1")
    std::ofstream(path) << settings_markdown();
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  INFO("run with TROUPE_UPDATE_DOCS=1 to write " << path);
  CHECK(text == settings_markdown());
}
