#pragma once

#include "config/load_settings.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace troupe {

/// What the flags of a command line said. Must outlive the parse, and stay where it is.
struct flag_values {
  std::vector<name_and_text> values; // key and text, for settings_sources::flags
  std::optional<std::string> config; // --config FILE
  bool print_config = false;         // --print-config: print settings_toml() and end
};

/// Adds --config, --print-config and one flag for every row of the given sections ("engine") or keys
/// ("model.path"). True-or-false settings take `--x`, `--x=true` and `--x=false`; the others one value.
/// A program then loads {values.config, process_environment(), values.values}.
void add_flags(CLI::App&, flag_values&, std::span<const std::string_view> sections_or_keys);

} // namespace troupe
