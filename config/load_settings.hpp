#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

using name_and_text = std::pair<std::string, std::string>;

/// Everything a configuration may come from, injected. Later ones win: default, file, environment, flags.
struct settings_sources {
  std::optional<std::string> file;        // --config; absent: what TROUPE_CONFIG names, if anything
  std::vector<name_and_text> environment; // all variables; those without TROUPE_ in front are ignored
  std::vector<name_and_text> flags;       // key of the setting ("engine.max_batch_size") and text
};

enum class source_kind { fallback, file, environment, flag };

/// Where a value came from.
struct source {
  source_kind kind = source_kind::fallback;
  std::string where = "default"; // "troupe.toml:12", "TROUPE_PORT", "--port"
};

struct loaded_settings {
  settings values;
  std::map<std::string, source, std::less<>> sources; // one for every key
};

/// Reads, checks each value and then all together (check_settings). The first problem ends it, with one
/// sentence that names the key, what is allowed and the source. Errors: config_error.
result<loaded_settings> load_settings(const settings_sources&);

/// The variables of this process, for settings_sources::environment.
std::vector<name_and_text> process_environment();

} // namespace troupe
