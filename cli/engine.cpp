#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "runtime/engine_main.hpp"
#include "supervision/engine_process.hpp"

#include <CLI/CLI.hpp>
#include <sys/stat.h>

namespace troupe {

namespace {

bool started_by_a_front() {
  struct stat link {};
  return ::fstat(engine_program::link, &link) == 0 && S_ISSOCK(link.st_mode);
}

} // namespace

void add_engine(CLI::App& parent, command& chosen) {
  CLI::App* app = parent.add_subcommand("engine", "What `troupe serve --engine-process` starts.");
  app->group(""); // not for people
  app->callback([&chosen] {
    chosen = [](console& io) {
      if (!started_by_a_front()) {
        fail(io, "`troupe engine` is started by `troupe serve --engine-process`, not by hand.");
        return int(exit_usage);
      }
      return run_engine_process();
    };
  });
}

} // namespace troupe
