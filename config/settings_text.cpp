#include "config/settings_text.hpp"

#include "config/setting.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

/// TOML comments and table cells are one line: a source may be a file name with anything in it.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return text;
}

std::string bounds_sentence(const setting& row) {
  std::string bounds = bounds_text(row);
  return bounds.empty() ? std::string(type_name(row)) : bounds;
}

} // namespace

std::string settings_toml(const loaded_settings& loaded) {
  std::string out = "# Every setting in force. Precedence: flag, environment, file, default.\n";
  std::string_view section;
  for (const setting& row : all_settings()) {
    if (section_of(row) != section) {
      section = section_of(row);
      out += fmt::format("\n[{}]\n", section);
    }
    auto from = loaded.sources.find(row.key);
    out += fmt::format("# {}\n# {}; default {}.\n{} = {} # {}\n", row.help, bounds_sentence(row),
                       toml_literal(default_of(row)), row.key.substr(section.size() + 1),
                       toml_literal(value_of(row, loaded.values)),
                       from == loaded.sources.end() ? "default" : one_line(from->second.where));
  }
  return out;
}

std::string settings_markdown() {
  std::string out = "# Settings\n\n"
                    "Generated from `config/settings_table.cpp`; do not edit. After a change there:\n"
                    "`TROUPE_UPDATE_DOCS=1 build/release/tests/test_config`.\n\n"
                    "A value comes from a flag, else from the environment, else from the file that "
                    "`--config` or `TROUPE_CONFIG` "
                    "names, else it is the default. In the file, `engine.max_batch_size` is the line "
                    "`max_batch_size = 32` under "
                    "`[engine]`. `--print-config` prints all values and where each came from, in a form that "
                    "can be read back. "
                    "A value that is not allowed, or a key that does not exist, ends the program with exit "
                    "code 2 and one sentence. "
                    "Settings are read once, at start.\n";
  std::string_view section;
  for (const setting& row : all_settings()) {
    if (section_of(row) != section) {
      section = section_of(row);
      out += fmt::format("\n## {}\n", section);
    }
    out +=
        fmt::format("\n### `{}`\n\n{}\n\n- flag `{}`, variable `{}`\n- {}, default `{}`\n", row.key, row.help,
                    flag_name(row), environment_name(row), type_name(row), toml_literal(default_of(row)));
    if (!row.bounds_reason.empty())
      out += fmt::format("- {}: {}\n", bounds_sentence(row), row.bounds_reason);
    out += fmt::format("- a change needs a restart: {}\n", row.restart_needed ? "yes" : "no");
  }
  return out;
}

} // namespace troupe
