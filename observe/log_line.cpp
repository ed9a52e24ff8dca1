#include "observe/log_line.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr std::array<std::string_view, 5> level_names{"trace", "debug", "info", "warn", "error"};
constexpr size_t name_bytes_max = 64;
constexpr size_t fields_max = 64;

void append_name(std::string& line, std::string_view name) {
  if (name.empty())
    line += '_';
  for (char c : name.substr(0, name_bytes_max)) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    line += plain ? c : '_';
  }
}

bool is_bare(std::string_view text) {
  constexpr std::string_view others = "_-.:/@+,";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

/// The character at `at`, escaped if it must be. Its length in the text is `length`, 0 if it is not UTF-8.
std::string escaped(std::string_view text, size_t at, size_t length) {
  auto byte = static_cast<unsigned char>(text[at]);
  switch (byte) {
  case '"':
    return "\\\"";
  case '\\':
    return "\\\\";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  default:
    break;
  }
  if (length == 0 || byte < 0x20 || byte == 0x7F)
    return fmt::format("\\x{:02x}", byte);
  // U+0080 to U+009F are control characters too: U+009B starts a terminal command.
  if (byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0)
    return fmt::format("\\u00{:02x}", static_cast<unsigned char>(text[at + 1]));
  return std::string(text.substr(at, length));
}

void append_text(std::string& line, std::string_view text) {
  if (text.size() <= log_value_bytes_max && is_bare(text)) {
    line += text;
    return;
  }
  line += '"';
  size_t begin = line.size();
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text, at);
    std::string piece = escaped(text, at, length);
    if (line.size() - begin + piece.size() > log_value_bytes_max) {
      line += "...";
      break;
    }
    line += piece;
    at += std::max<size_t>(length, 1);
  }
  line += '"';
}

} // namespace

std::string_view to_string(log_level level) {
  return level_names[static_cast<size_t>(level)];
}

std::optional<log_level> log_level_named(std::string_view name) {
  auto found = std::ranges::find(level_names, name);
  if (found == level_names.end())
    return std::nullopt;
  return static_cast<log_level>(found - level_names.begin());
}

void log_value::append_to(std::string& line) const {
  if (auto* text = std::get_if<std::string_view>(&value_))
    append_text(line, *text);
  else
    std::visit(
        [&](auto value) {
          if constexpr (!std::is_same_v<decltype(value), std::string_view>)
            line += fmt::format("{}", value);
        },
        value_);
}

std::string format_log_line(std::chrono::system_clock::time_point time, log_level level,
                            std::string_view event, std::span<const log_field> fields) {
  auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} ", fmt::gmtime(seconds),
                                 (ms - seconds).count(), to_string(level));
  append_name(line, event);
  // Room for the newline and for the count of what was left out.
  constexpr size_t room = log_line_bytes_max - 48;
  size_t left_out = fields.size() > fields_max ? fields.size() - fields_max : 0;
  for (const log_field& field : fields.first(std::min(fields.size(), fields_max))) {
    size_t before = line.size();
    line += ' ';
    append_name(line, field.name);
    line += '=';
    field.value.append_to(line);
    if (line.size() > room) {
      line.resize(before);
      ++left_out;
    }
  }
  if (left_out > 0)
    line += fmt::format(" fields_left_out={}", left_out);
  return line;
}

} // namespace troupe
