#pragma once

#include "base/result.hpp"
#include "config/errors.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace troupe {

/// Which member of `settings` a row is about; the alternative is its type.
using setting_member = std::variant<std::string settings::*, int64_t settings::*, bool settings::*>;

/// One value, of one of the three types.
using setting_value = std::variant<std::string, int64_t, bool>;

/// All there is to know about one setting. The TOML key, the flag, the environment variable and the
/// documentation come from this row; the default is the initial value of the member in `settings`.
struct setting {
  std::string_view key; // "engine.max_batch_size": section and name in the file
  setting_member member;
  std::string_view help;
  int64_t minimum = 0;                            // of a number
  int64_t maximum = 0;                            // of a number; for text: its longest length in bytes
  std::string_view bounds_reason = {};            // why these bounds
  std::span<const std::string_view> choices = {}; // what a text may be; empty: anything up to `maximum` bytes
  std::string_view short_name =
      {};                     // stands for the key's last part in the flag and the variable; "log_level"
  bool restart_needed = true; // today all are: settings are frozen after start
};

/// Every row, grouped by section, in the order of the documentation.
std::span<const setting> all_settings();

/// The row of a key, or null.
const setting* find_setting(std::string_view key);

/// "engine" of "engine.max_batch_size".
std::string_view section_of(const setting&);

/// "--max-batch-size". With the section in front where two rows would share the name.
std::string flag_name(const setting&);

/// "TROUPE_MAX_BATCH_SIZE".
std::string environment_name(const setting&);

/// "text", "whole number" or "true or false".
std::string_view type_name(const setting&);

/// "at least 1 and at most 1024", "one of trace, debug, info", "at most 4096 bytes"; empty for true or false.
std::string bounds_text(const setting&);

/// Type and bounds, as they follow "must be": "a whole number, at least 1 and at most 1024", "true or false".
std::string wanted_text(const setting&);

setting_value value_of(const setting&, const settings&);
setting_value default_of(const setting&);

/// A value as it stands in a TOML file: 32, true, "text" with escapes.
std::string toml_literal(const setting_value&);

/// Turns text from a flag or a variable into the row's type. `where` is the source as the user knows it:
/// "--port" or "TROUPE_PORT". Errors: wrong_type.
result<setting_value> parse_value(const setting&, std::string_view text, std::string_view where);

/// Checks the bounds and stores. Errors: wrong_type, out_of_bounds; then nothing changed.
status assign(const setting&, const setting_value&, std::string_view where, settings& into);

} // namespace troupe
