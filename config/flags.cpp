#include "config/flags.hpp"

#include "base/check.hpp"
#include "config/setting.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace troupe {

namespace {

std::string help_of(const setting& row) {
  std::string bounds = bounds_text(row);
  std::string fallback = toml_literal(default_of(row));
  if (bounds.empty())
    return fmt::format("{} Default {}.", row.help, fallback);
  return fmt::format("{} {}{}; default {}.", row.help, char(bounds[0] - 32), bounds.substr(1), fallback);
}

/// Runs before CLI11 reads the text as a number, which would throw something other than a ParseError.
std::string true_or_false(const std::string& text) {
  bool good = text == "true" || text == "false" || text == "1" || text == "0";
  return good ? "" : "must be true or false, got " + text;
}

void add_flag(CLI::App& app, flag_values& into, const setting& row) {
  std::string key(row.key);
  if (row.member.index() == 2) {
    app.add_flag_function(
           flag_name(row),
           [&into, key](int64_t count) { into.values.emplace_back(key, count > 0 ? "true" : "false"); },
           help_of(row))
        ->check(true_or_false, "")
        ->group(std::string(section_of(row)));
    return;
  }
  app.add_option_function<std::string>(
         flag_name(row), [&into, key](const std::string& text) { into.values.emplace_back(key, text); },
         help_of(row))
      ->type_name(row.member.index() == 0 ? "TEXT" : "NUMBER")
      ->group(std::string(section_of(row)));
}

} // namespace

void add_flags(CLI::App& app, flag_values& into, std::span<const std::string_view> sections_or_keys) {
  app.add_option_function<std::string>(
         "--config", [&into](const std::string& path) { into.config = path; },
         "TOML file of settings; TROUPE_CONFIG names one too.")
      ->type_name("FILE");
  app.add_flag("--print-config", into.print_config,
               "Print every setting in force, and where it came from, as a TOML file; then end.");
  for (std::string_view wanted : sections_or_keys) {
    bool found = false;
    for (const setting& row : all_settings()) {
      if (row.key != wanted && section_of(row) != wanted)
        continue;
      add_flag(app, into, row);
      found = true;
    }
    TROUPE_CHECK(found, "no section and no setting is called " + std::string(wanted));
  }
}

} // namespace troupe
