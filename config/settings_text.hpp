#pragma once

#include "config/load_settings.hpp"

#include <string>

namespace troupe {

/// What --print-config prints: a TOML file with every setting in force, its help and its source. Reading it
/// back gives the same values.
std::string settings_toml(const loaded_settings&);

/// docs/settings.md. A test compares; TROUPE_UPDATE_DOCS=1 makes the test write the file.
std::string settings_markdown();

} // namespace troupe
