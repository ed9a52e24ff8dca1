#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace troupe {

enum class log_level : uint8_t { trace, debug, info, warn, error };

std::string_view to_string(log_level);

/// The level of settings.log_level; absent for anything else.
std::optional<log_level> log_level_named(std::string_view);

/// A typed value. Text is borrowed: it must live until the call that logs it returns.
class log_value {
public:
  log_value(bool value) : value_(value) {}
  log_value(std::signed_integral auto value) : value_(static_cast<int64_t>(value)) {}
  log_value(std::unsigned_integral auto value) : value_(static_cast<uint64_t>(value)) {}
  log_value(std::floating_point auto value) : value_(static_cast<double>(value)) {}
  log_value(std::string_view value) : value_(value) {}
  log_value(const std::string& value) : value_(std::string_view(value)) {}
  log_value(const char* value) : value_(std::string_view(value ? value : "")) {}

  /// Appends the value as it stands in a line.
  void append_to(std::string& line) const;

private:
  std::variant<bool, int64_t, uint64_t, double, std::string_view> value_;
};

struct log_field {
  std::string_view name; // snake_case; anything else is replaced by '_'
  log_value value;
};

/// Bytes of a line, its newline included. A pipe takes so many in one piece (PIPE_BUF), so lines of several
/// processes on one pipe never mix.
inline constexpr size_t log_line_bytes_max = 4096;

/// Bytes of one text value after escaping; a longer one ends in "...".
inline constexpr size_t log_value_bytes_max = 1024;

/// `2026-11-25T01:02:03.456Z info request_finished request=resp_1 tokens=12` and no newline. UTC. Text stands
/// bare where it is plain and in quotes otherwise; quotes, backslashes, control characters and bytes that are
/// not UTF-8 are escaped, so a line is always one line and cannot command a terminal. Fields that do not fit
/// are left out and counted: `fields_left_out=2`. Format: logfmt.
std::string format_log_line(std::chrono::system_clock::time_point, log_level, std::string_view event,
                            std::span<const log_field>);

} // namespace troupe
