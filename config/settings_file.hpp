#pragma once

#include "base/result.hpp"
#include "config/setting.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// One `key = value` of a TOML file.
struct file_entry {
  std::string key;                    // "engine.max_batch_size"
  int line = 0;                       // from 1
  std::optional<setting_value> value; // absent: of a type that no setting has
  std::string type;                   // TOML's name of the type, for messages
};

/// Reads a TOML file of at most 1 MiB. Entries in the order of the file; an empty section
/// is one, without a value and of type "table".
/// Errors: unreadable_file, syntax.
result<std::vector<file_entry>> read_settings_file(const std::string& path);

/// The same for text; `path` is for messages only.
result<std::vector<file_entry>> parse_settings_text(const std::string& text, const std::string& path);

} // namespace troupe
