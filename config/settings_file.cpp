#include "config/settings_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <toml++/toml.h>

namespace troupe {

namespace {

constexpr size_t file_bytes_max = 1024 * 1024;

std::string type_text(const toml::node& node) {
  std::ostringstream out;
  out << node.type();
  return out.str();
}

std::optional<setting_value> value_in(const toml::node& node) {
  if (auto* text = node.as_string())
    return text->get();
  if (auto* number = node.as_integer())
    return number->get();
  if (auto* yes = node.as_boolean())
    return yes->get();
  return std::nullopt;
}

/// The parser bounds the depth of tables (256), so this recursion is bounded too.
void collect(const toml::table& table, const std::string& prefix, std::vector<file_entry>& out) {
  for (auto&& [name, node] : table) {
    std::string key = prefix + std::string(name.str());
    if (auto* inner = node.as_table(); inner && !inner->empty())
      collect(*inner, key + ".", out);
    else
      out.push_back({key, static_cast<int>(name.source().begin.line), value_in(node), type_text(node)});
  }
}

} // namespace

result<std::vector<file_entry>> parse_settings_text(const std::string& text, const std::string& path) {
  try {
    toml::table root = toml::parse(text, path);
    std::vector<file_entry> entries;
    collect(root, "", entries);
    std::ranges::stable_sort(entries, {}, &file_entry::line);
    return entries;
  } catch (const toml::parse_error& problem) {
    return failure(config_error::syntax, fmt::format("{}:{}: not valid TOML: {}", path,
                                                     problem.source().begin.line, problem.description()));
  }
}

result<std::vector<file_entry>> read_settings_file(const std::string& path) {
  auto unreadable = [&](std::string_view why) {
    return failure(config_error::unreadable_file,
                   fmt::format("cannot read the settings file {}: {}", path, why));
  };
  // A directory opens like a file and a device never ends: only regular files are read.
  std::error_code problem;
  auto kind = std::filesystem::status(path, problem);
  if (problem)
    return unreadable(problem.message());
  if (!std::filesystem::is_regular_file(kind))
    return unreadable("it is not a regular file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return unreadable(std::strerror(errno));
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad())
    return unreadable("reading failed");
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > file_bytes_max)
    return unreadable(fmt::format("it is longer than {} bytes", file_bytes_max));
  return parse_settings_text(text, path);
}

} // namespace troupe
