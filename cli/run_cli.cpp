#include "cli/run_cli.hpp"

#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "cli/help_format.hpp"
#include "cli/version_text.hpp"
#include "config/suggestion.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <exception>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace troupe {

namespace {

constexpr const char* description =
    "Troupe serves large language models: an OpenAI-compatible server, a chat in the terminal, and the\n"
    "benchmarks to go with them.";

constexpr const char* bench_examples = R"(Examples:
  troupe bench engine
  troupe bench serve --url http://127.0.0.1:8080 --concurrency 8 --requests 100

`troupe bench COMMAND --help` explains a command and all its flags.)";

constexpr const char* examples = R"(Examples:
  ./deploy/fetch_model.sh                       fetch the default model once
  troupe serve                                  API on http://127.0.0.1:8080/v1
  troupe serve --model my.gguf --port 9000
  troupe chat                                   talk in the terminal
  troupe generate "Why is the sky blue?"
  git diff | troupe generate - --system "Write a commit message for this diff."
  troupe batch questions.jsonl answers.jsonl
  troupe check my.gguf                          can this release load the file?
  troupe bench engine --json engine.json
  troupe bench serve --url http://127.0.0.1:8080 --concurrency 8 --requests 100

`troupe COMMAND --help` explains a command and all its flags.)";

/// The innermost command that was begun.
const CLI::App& begun(const CLI::App& app) {
  const CLI::App* at = &app;
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands())
    at = chosen.front();
  return *at;
}

/// Where to look.
std::string advice(const CLI::App& app) {
  std::string name;
  for (const CLI::App* at = &begun(app); at; at = at->get_parent())
    name = at->get_name() + " " + name;
  return fmt::format("See {}--help.", name);
}

/// The first argument that the command does not take, with what was probably meant.
std::string unknown_argument(const CLI::App& app) {
  const auto extras = app.remaining(true);
  const auto first = std::ranges::find_if(extras, [](const std::string& text) { return text != "--"; });
  if (first == extras.end())
    return {};
  std::vector<std::string> flags;
  for (const CLI::Option* option : begun(app).get_options())
    for (const std::string& name : option->get_lnames())
      flags.push_back("--" + name);
  if (first->starts_with('-')) {
    const std::string flag = first->substr(0, first->find('='));
    return fmt::format("There is no flag {}{}", flag, did_you_mean(flag, flags));
  }
  if (first->ends_with(".gguf") && std::ranges::find(flags, "--model") != flags.end())
    return fmt::format("{0} stands where no argument is expected: use --model {0}", *first);
  return {};
}

/// The first bare word that stands where a command should.
std::string unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    auto known = at->get_subcommands([](const CLI::App*) { return true; });
    auto found = std::ranges::find(known, std::string(argv[i]), &CLI::App::get_name);
    if (found != known.end()) {
      at = *found;
      continue;
    }
    std::vector<std::string> names;
    std::ranges::transform(known, std::back_inserter(names), &CLI::App::get_name);
    if (names.empty() || argv[i][0] == '-')
      return {};
    return fmt::format("There is no command {}{}", argv[i], did_you_mean(argv[i], names));
  }
  return {};
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv,
                console& io) {
  std::string sentence = unknown_command(app, argc, argv);
  if (sentence.empty())
    sentence = unknown_argument(app);
  if (sentence.empty())
    sentence = error.what();
  if (!sentence.ends_with('.') && !sentence.ends_with('?'))
    sentence += '.';
  fail(io, sentence + " " + advice(app));
  return exit_usage;
}

void describe(CLI::App& app, command& chosen) {
  app.name("troupe");
  app.formatter(help_format()); // before the subcommands, which inherit it
  app.require_subcommand(1);
  app.footer(examples);
  app.set_help_flag("-h,--help", "Print this help.");
  app.set_version_flag("--version", version_text, "Print version, commit, compiler and instruction sets.");
  add_serve(app, chosen);
  add_engine(app, chosen);
  add_chat(app, chosen);
  add_generate(app, chosen);
  add_batch(app, chosen);
  CLI::App* bench = app.add_subcommand("bench", "Measure the engine alone, or a running server.");
  bench->footer(bench_examples);
  bench->require_subcommand(1);
  add_bench_attention(*bench, chosen);
  add_bench_engine(*bench, chosen);
  add_bench_perplexity(*bench, chosen);
  add_bench_serve(*bench, chosen);
  add_check(app, chosen);
  add_version(app, chosen);
}

} // namespace

int run_cli(int argc, const char* const* argv, console& io) try {
  CLI::App app(description);
  command chosen;
  describe(app, chosen);
  if (argc <= 1) {
    io.err << app.help() << std::flush;
    return exit_usage;
  }
  try {
    app.parse(argc, const_cast<char**>(argv)); // CLI11 2.1 only reads them
  } catch (const CLI::Success& asked) {
    app.exit(asked, io.out, io.err);
    io.out.flush();
    return exit_success;
  } catch (const CLI::ParseError& wrong) {
    return usage_error(app, wrong, argc, argv, io);
  }
  return chosen(io);
} catch (const std::exception& broken) {
  return fail(io, fmt::format("This should not have happened, please report it: {}", broken.what()));
}

} // namespace troupe
