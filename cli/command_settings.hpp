#pragma once

#include "cli/console.hpp"
#include "config/flags.hpp"
#include "config/load_settings.hpp"

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace troupe {

/// Loads file, environment and flags. With --print-config, or where a setting is wrong, it has told the user
/// and the error is the exit code with which the command ends.
tl::expected<loaded_settings, int> settings_of(const flag_values&, console&);

/// The same for commands that have a node of their own and whose output is the answer: the log holds warnings
/// and worse unless somebody set its level, and model_path is a file that exists.
tl::expected<settings, int> local_settings_of(const flag_values&, console&);

/// "troupe: SENTENCE" on err; returns exit_failed.
int fail(console&, std::string_view sentence);

/// The last part of a path, for people.
std::string file_name(const std::string& path);

} // namespace troupe
