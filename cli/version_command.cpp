#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/version_text.hpp"

#include <CLI/CLI.hpp>

namespace troupe {

void add_version(CLI::App& parent, command& chosen) {
  parent.add_subcommand("version", "Print version, commit, compiler and instruction sets.")
      ->callback([&chosen] {
        chosen = [](console& io) -> int {
          io.out << version_text() << std::endl;
          return io.out ? exit_success : exit_failed;
        };
      });
}

} // namespace troupe
