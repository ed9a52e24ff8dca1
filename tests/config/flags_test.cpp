#include "config/flags.hpp"

#include "config/setting.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <CLI/CLI.hpp>

using namespace troupe;

namespace {

constexpr std::array<std::string_view, 4> wanted{"model.path", "engine", "server.port", "log"};

result<loaded_settings> load_from(const std::string& arguments) {
  CLI::App app;
  flag_values flags;
  add_flags(app, flags, wanted);
  app.parse(arguments);
  return load_settings({flags.config, {}, flags.values});
}

} // namespace

TEST_CASE("flags reach the settings") {
  auto loaded = load_from("--model m.gguf --max-batch-size 7 --port=0 --log-prompts --log-level debug");
  REQUIRE(loaded);
  CHECK(loaded->values.model_path == "m.gguf");
  CHECK(loaded->values.max_batch_size == 7);
  CHECK(loaded->values.port == 0);
  CHECK(loaded->values.log_prompts);
  CHECK(loaded->values.log_level == "debug");
  CHECK(loaded->sources.at("model.path").where == "--model");
  CHECK_FALSE(load_from("--log-prompts=false")->values.log_prompts);
}

TEST_CASE("a flag's value out of bounds names the flag") {
  auto loaded = load_from("--max-batch-size -5");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message.find("got -5 (--max-batch-size)") != std::string::npos);
}

TEST_CASE("a command takes only the flags of its sections") {
  CHECK_THROWS_AS(load_from("--host 127.0.0.1"), CLI::ParseError);
  CHECK_THROWS_AS(load_from("--log-prompts=maybe"), CLI::ParseError);
  CHECK_THROWS_AS(load_from("--port 1 --port 2"), CLI::ParseError);
}

TEST_CASE("--config, --print-config and help") {
  CLI::App app;
  flag_values flags;
  add_flags(app, flags, wanted);
  app.parse("--config x.toml --print-config");
  CHECK(flags.config == "x.toml");
  CHECK(flags.print_config);
  std::string help = app.help();
  CHECK(help.find("--max-batch-size NUMBER") != std::string::npos);
  CHECK(help.find("At least 1 and at most 1024; default 32.") != std::string::npos);
  CHECK(help.find("--host") == std::string::npos);
}
