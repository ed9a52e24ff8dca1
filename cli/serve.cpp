#include "cli/await.hpp"
#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/default_model.hpp"
#include "cli/exit_code.hpp"
#include "cli/progress_bar.hpp"
#include "cli/serve_banner.hpp"
#include "cli/signal_watch.hpp"
#include "cli/watched_run.hpp"
#include "net/errors.hpp"
#include "net/http_server.hpp"
#include "observe/log.hpp"
#include "runtime/node.hpp"

#include <chrono>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <poll.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr int64_t drain_ms_max = 30'000;

constexpr const char* examples =
    R"(Every flag can also stand in a TOML file (--config) or in the environment: --max-batch-size is
TROUPE_MAX_BATCH_SIZE. Flags win over the environment, the environment over the file. Ctrl-C or
SIGTERM lets running answers finish for up to 30 s; a second one ends at once.

Examples:
  troupe serve
  troupe serve --model my.gguf --served-model-name my --port 9000
  troupe serve --host 0.0.0.0 --api-key-file keys.txt
  troupe serve --config troupe.toml --print-config)";

/// What goes wrong on a card poisons the process that uses it: the engine gets one of its own.
bool may_compute_on_card(const settings& values) {
  std::error_code ignored;
  return values.device != "cpu" && std::filesystem::exists("/dev/nvidiactl", ignored);
}

/// False: a pipe that is full, since nobody reads it. A notice must not hold up the end.
bool takes_bytes(int descriptor) {
  pollfd entry{descriptor, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

/// A key file that is missing or wrong is a wrong setting like any other.
int code_of(const error& problem) {
  const bool wrong_setting = problem.is(net_error::bad_key_file) || problem.is(net_error::keys_required);
  return wrong_setting ? exit_usage : exit_failed;
}

int serve(const settings& values, console& io) {
  raise_open_files_limit(); // every connection is a descriptor
  set_log_level(values);
  signal_watch signals{SIGINT, SIGTERM};
  progress_bar bar(io.err, io.err_is_terminal, false, file_name(values.model_path));
  std::optional<result<std::unique_ptr<node>>> started;
  auto load = [&] {
    started = node::start(
        values, {.listen = true, .progress = [&bar](size_t done, size_t total) { bar.show(done, total); }});
  };
  run_watched(signals, io, load, "ended while loading.");
  bar.finish();
  if (!*started) {
    fail(io, started->error().message);
    return code_of(started->error());
  }
  node& running = ***started;
  io.out << serve_banner(values, running.door().models().front().id, running.port()) << std::flush;

  await_readable({signals.fd()});
  signals.take();
  if (takes_bytes(STDERR_FILENO))
    io.err << "troupe: letting running answers finish, for up to 30 s; once more to end at once."
           << std::endl;
  auto stop = [&] {
    running.stop(drain_ms_max);
    started.reset(); // here too: an engine that hangs would hold up its end, and a signal must still work
  };
  run_watched(signals, io, stop, "ended at once.");
  flush_log(std::chrono::milliseconds(1000));
  return exit_success;
}

int load_and_serve(const flag_values& flags, console& io) {
  auto loaded = settings_of(flags, io);
  if (!loaded)
    return loaded.error();
  settings values = std::move(loaded->values);
  auto model = find_model(values.model_path, places_of_this_process());
  if (!model)
    return fail(io, model.error().message);
  values.model_path = *model;
  values.engine_process = values.engine_process || may_compute_on_card(values);
  return serve(values, io);
}

} // namespace

void add_serve(CLI::App& parent, command& chosen) {
  auto flags = std::make_shared<flag_values>();
  CLI::App* app = parent.add_subcommand("serve", "Serve a model over HTTP and WebSocket.");
  app->footer(examples);
  constexpr std::string_view sections[] = {"model", "server", "engine", "supervision", "log"};
  add_flags(*app, *flags, sections);
  app->callback([flags, &chosen] { chosen = [flags](console& io) { return load_and_serve(*flags, io); }; });
}

} // namespace troupe
