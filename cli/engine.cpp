#include "cli/command.hpp"
#include "cli/command_settings.hpp"
#include "cli/exit_code.hpp"
#include "runtime/engine_main.hpp"
#include "supervision/engine_process.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe {

namespace {

bool started_by_a_front() {
  struct stat link {};
  return ::fstat(engine_program::link, &link) == 0 && S_ISSOCK(link.st_mode);
}

/// The front ends this process. What a terminal or a service manager sends to all of its processes is the
/// front's affair.
void behave_as_a_child() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    std::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "troupe-engine");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
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
      behave_as_a_child();
      return run_engine_process({.leave = [](int code) { ::_exit(code); }, .crash = [] { std::abort(); }});
    };
  });
}

} // namespace troupe
