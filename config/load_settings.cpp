#include "config/load_settings.hpp"

#include "base/check.hpp"
#include "config/check_settings.hpp"
#include "config/setting.hpp"
#include "config/settings_file.hpp"
#include "config/suggestion.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace troupe {

namespace {

/// Variables with our prefix that are not settings, beside all that begin with TROUPE_TEST_.
constexpr std::array<std::string_view, 2> other_variables{"TROUPE_CONFIG", "TROUPE_UPDATE_DOCS"};

/// Kubernetes gives every container variables about the services around it: for one named "troupe" these are
/// TROUPE_SERVICE_HOST, TROUPE_PORT=tcp://10.0.0.1:80, TROUPE_PORT_80_TCP_ADDR and more. They are not for us.
bool is_service_link(std::string_view name, std::string_view text) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::string_view port = "TROUPE_PORT_";
  if (name.starts_with("TROUPE_SERVICE_"))
    return true;
  if (name == "TROUPE_PORT")
    return text.starts_with("tcp://") || text.starts_with("udp://");
  return name.starts_with(port) && name.size() > port.size() && is_digit(name[port.size()]);
}

status store(loaded_settings& into, const setting& row, const setting_value& value, source from) {
  if (auto stored = assign(row, value, from.where, into.values); !stored)
    return stored;
  into.sources[std::string(row.key)] = std::move(from);
  return {};
}

status store_text(loaded_settings& into, const setting& row, std::string_view text, source from) {
  auto value = parse_value(row, text, from.where);
  if (!value)
    return forward_error(value);
  return store(into, row, *value, std::move(from));
}

/// Where the last part alone names a setting, its full key is the better advice than one that looks alike.
std::string key_advice(std::string_view key) {
  std::vector<std::string> keys;
  for (const setting& row : all_settings()) {
    keys.emplace_back(row.key);
    if (row.key.substr(row.key.find('.') + 1) == key.substr(key.rfind('.') + 1))
      return fmt::format("; did you mean {}?", row.key);
  }
  return did_you_mean(key, keys);
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(all_settings(), [&](const setting& row) { return section_of(row) == name; });
}

status apply_file(loaded_settings& into, const std::string& path) {
  auto entries = read_settings_file(path);
  if (!entries)
    return forward_error(entries);
  for (const file_entry& entry : *entries) {
    std::string where = fmt::format("{}:{}", path, entry.line);
    const setting* row = find_setting(entry.key);
    if (!row && entry.type == "table" && is_section(entry.key))
      continue;
    if (!row && is_section(entry.key))
      return failure(
          config_error::wrong_type,
          fmt::format("{0} is a section, not a setting: write [{0}] and its settings below it ({1})",
                      entry.key, where));
    if (!row)
      return failure(config_error::unknown_key,
                     fmt::format("unknown setting {} ({}){}", entry.key, where, key_advice(entry.key)));
    if (!entry.value)
      return failure(config_error::wrong_type, fmt::format("{} must be {}, got a value of type {} ({})",
                                                           row->key, wanted_text(*row), entry.type, where));
    if (auto ok = store(into, *row, *entry.value, {source_kind::file, where}); !ok)
      return ok;
  }
  return {};
}

status apply_environment(loaded_settings& into, const std::vector<name_and_text>& environment) {
  for (const auto& [name, text] : environment) {
    if (!name.starts_with("TROUPE_") || is_service_link(name, text) || name.starts_with("TROUPE_TEST_") ||
        std::ranges::find(other_variables, name) != other_variables.end())
      continue;
    std::vector<std::string> known;
    const setting* row = nullptr;
    for (const setting& candidate : all_settings()) {
      known.push_back(environment_name(candidate));
      if (known.back() == name)
        row = &candidate;
    }
    if (!row)
      return failure(
          config_error::unknown_key,
          fmt::format("unknown setting in the environment variable {}{}", name, did_you_mean(name, known)));
    if (auto ok = store_text(into, *row, text, {source_kind::environment, name}); !ok)
      return ok;
  }
  return {};
}

status apply_flags(loaded_settings& into, const std::vector<name_and_text>& flags) {
  for (const auto& [key, text] : flags) {
    const setting* row = find_setting(key);
    TROUPE_CHECK(row, "flags are named by the key of a row, not " + key);
    if (auto ok = store_text(into, *row, text, {source_kind::flag, flag_name(*row)}); !ok)
      return ok;
  }
  return {};
}

} // namespace

result<loaded_settings> load_settings(const settings_sources& sources) {
  loaded_settings loaded;
  for (const setting& row : all_settings())
    loaded.sources[std::string(row.key)] = {};

  std::optional<std::string> file = sources.file;
  for (const auto& [name, text] : sources.environment)
    if (!file && name == "TROUPE_CONFIG" && !text.empty())
      file = text;
  if (file)
    if (auto ok = apply_file(loaded, *file); !ok)
      return forward_error(ok);
  if (auto ok = apply_environment(loaded, sources.environment); !ok)
    return forward_error(ok);
  if (auto ok = apply_flags(loaded, sources.flags); !ok)
    return forward_error(ok);
  if (auto ok = check_settings(loaded); !ok)
    return forward_error(ok);
  return loaded;
}

std::vector<name_and_text> process_environment() {
  std::vector<name_and_text> out;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

} // namespace troupe
