#include "cli/chat_session.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "cli/local_node.hpp"
#include "cli/watched_run.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <optional>

namespace troupe {

namespace {

constexpr const char* examples =
    R"(A line is a turn. Ctrl-C stops the answer, /reset forgets the conversation, /exit or Ctrl-D ends.
Lines may also come through a pipe; then there are no prompts, and remarks go to standard error.

Examples:
  troupe chat
  troupe chat --system "You are a pirate." --temperature 0.9
  printf 'Hello!\nWhat did I just say?\n' | troupe chat --temperature 0)";

struct chat_arguments {
  flag_values flags;
  sampling_flags sampling{
      .params = {.temperature = 0.7f, .top_p = 0.9f}, .system = {}, .max_tokens = {}, .seed = {}};
};

int chat(const chat_arguments& arguments, console& io) {
  auto values = local_settings_of(arguments.flags, io);
  if (!values)
    return values.error();
  if (auto ok = check(arguments.sampling); !ok) {
    fail(io, ok.error().message);
    return exit_usage;
  }
  signal_watch signals{SIGINT}; // before the node: its threads must not take the signal
  std::optional<result<std::unique_ptr<node>>> started;
  run_watched(
      signals, io, [&] { started = start_local_node(*values, io); }, "ended while loading.");
  if (!*started)
    return fail(io, started->error().message);
  node& running = ***started;
  int code = chat_session(running.door(), arguments.sampling, io, signals).run();
  running.stop(0);
  return code;
}

} // namespace

void add_chat(CLI::App& parent, command& chosen) {
  auto arguments = std::make_shared<chat_arguments>();
  CLI::App* app = parent.add_subcommand("chat", "Talk with a model in the terminal.");
  app->footer(examples);
  add_sampling_flags(*app, arguments->sampling);
  add_flags(*app, arguments->flags, local_setting_keys);
  app->callback([arguments, &chosen] { chosen = [arguments](console& io) { return chat(*arguments, io); }; });
}

} // namespace troupe
