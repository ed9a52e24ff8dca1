#include "config/setting.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe {

namespace {

std::string_view name_of(const setting& row) {
  return row.short_name.empty() ? row.key.substr(row.key.find('.') + 1) : row.short_name;
}

/// Lower case, words joined by `_`; the section in front only where the bare name is not unique.
std::string outside_name(const setting& row) {
  auto rows = all_settings();
  auto same =
      std::ranges::count_if(rows, [&](const setting& other) { return name_of(other) == name_of(row); });
  if (same <= 1)
    return std::string(name_of(row));
  return fmt::format("{}_{}", section_of(row), name_of(row));
}

bool is_control(unsigned char byte) {
  return byte < 0x20 || byte == 0x7F;
}

/// Values come from outside: an error message shows no more than the start, and nothing a terminal would
/// obey.
std::string shown(std::string_view text) {
  constexpr size_t shown_bytes_max = 60;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text, at);
    if (at + length > shown_bytes_max)
      return toml_literal(out + "...");
    out += length == 0 ? "?" : std::string(text.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return toml_literal(out);
}

status check_text(const setting& row, const std::string& text, std::string_view where) {
  auto bad = [&](std::string_view why) {
    return failure(config_error::out_of_bounds,
                   fmt::format("{} must be {}, got {} ({})", row.key, why, shown(text), where));
  };
  if (!row.choices.empty()) {
    if (std::ranges::find(row.choices, text) == row.choices.end())
      return bad(bounds_text(row));
    return {};
  }
  if (std::cmp_greater(text.size(), row.maximum))
    return bad(fmt::format("{} ({})", bounds_text(row), row.bounds_reason));
  if (!is_utf8(text) || std::ranges::any_of(text, is_control))
    return bad("UTF-8 text without control characters");
  return {};
}

} // namespace

const setting* find_setting(std::string_view key) {
  auto rows = all_settings();
  auto found = std::ranges::find(rows, key, &setting::key);
  return found == rows.end() ? nullptr : &*found;
}

std::string_view section_of(const setting& row) {
  return row.key.substr(0, row.key.find('.'));
}

std::string flag_name(const setting& row) {
  std::string name = outside_name(row);
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

std::string environment_name(const setting& row) {
  std::string name = outside_name(row);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return "TROUPE_" + name;
}

std::string_view type_name(const setting& row) {
  constexpr std::string_view names[] = {"text", "whole number", "true or false"};
  return names[row.member.index()];
}

std::string bounds_text(const setting& row) {
  if (!row.choices.empty())
    return fmt::format("one of {}", fmt::join(row.choices, ", "));
  switch (row.member.index()) {
  case 0:
    return fmt::format("at most {} bytes", row.maximum);
  case 1:
    return fmt::format("at least {} and at most {}", row.minimum, row.maximum);
  default:
    return {};
  }
}

std::string wanted_text(const setting& row) {
  const std::string bounds = bounds_text(row);
  return fmt::format("{}{}{}{}", row.member.index() == 1 ? "a " : "", type_name(row),
                     bounds.empty() ? "" : ", ", bounds);
}

setting_value value_of(const setting& row, const settings& from) {
  return std::visit([&](auto member) { return setting_value(from.*member); }, row.member);
}

setting_value default_of(const setting& row) {
  return value_of(row, settings{});
}

std::string toml_literal(const setting_value& value) {
  if (auto* number = std::get_if<int64_t>(&value))
    return fmt::format("{}", *number);
  if (auto* yes = std::get_if<bool>(&value))
    return *yes ? "true" : "false";
  std::string out = "\"";
  for (unsigned char byte : std::get<std::string>(value)) {
    if (byte == '"' || byte == '\\')
      out += {'\\', static_cast<char>(byte)};
    else if (is_control(byte))
      out += fmt::format("\\u{:04X}", byte);
    else
      out += static_cast<char>(byte);
  }
  return out + '"';
}

result<setting_value> parse_value(const setting& row, std::string_view text, std::string_view where) {
  if (row.member.index() == 0)
    return std::string(text);
  if (row.member.index() == 1) {
    int64_t number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem == std::errc{} && end == text.data() + text.size())
      return number;
    return failure(config_error::wrong_type,
                   fmt::format("{} must be {}, got {} ({})", row.key, wanted_text(row), shown(text), where));
  }
  if (text == "true" || text == "1")
    return true;
  if (text == "false" || text == "0")
    return false;
  return failure(config_error::wrong_type,
                 fmt::format("{} must be {}, got {} ({})", row.key, wanted_text(row), shown(text), where));
}

status assign(const setting& row, const setting_value& value, std::string_view where, settings& into) {
  if (value.index() != row.member.index())
    return failure(config_error::wrong_type,
                   fmt::format("{} must be {}, got {} ({})", row.key, wanted_text(row),
                               std::holds_alternative<std::string>(value)
                                   ? shown(std::get<std::string>(value))
                                   : toml_literal(value),
                               where));
  if (auto* text = std::get_if<std::string>(&value)) {
    if (auto ok = check_text(row, *text, where); !ok)
      return ok;
  }
  if (auto* number = std::get_if<int64_t>(&value); number && (*number < row.minimum || *number > row.maximum))
    return failure(config_error::out_of_bounds,
                   fmt::format("{} must be {}, got {} ({}): {}", row.key, bounds_text(row), *number, where,
                               row.bounds_reason));
  std::visit(
      [&](auto member) { into.*member = std::get<std::remove_reference_t<decltype(into.*member)>>(value); },
      row.member);
  return {};
}

} // namespace troupe
