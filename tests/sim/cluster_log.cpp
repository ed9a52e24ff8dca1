#include "tests/sim/cluster_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace troupe::sim {

namespace {

constexpr std::array<std::string_view, 32> names{
    "expect",  "submit",  "accepted", "rejected", "attach",  "event", "lost", "failed",
    "gap",     "give_up", "cancel",   "own",      "take",    "begin", "work", "result",
    "fault",   "dead",    "born",     "up",       "down",    "view",  "cap",  "size",
    "trouble", "exposed", "leak",     "stuck",    "goes_on", "calm",  "rest", "end"};

/// Takes what stands before the next blank.
std::string_view word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

bool read(std::string_view text, int64_t& into) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
  return problem == std::errc() && end == text.data() + text.size();
}

std::string name_or_dash(std::string_view text) {
  return text.empty() ? "-" : std::string(text);
}

} // namespace

std::string to_line(const log_record& record) {
  std::string text = record.text;
  std::ranges::replace(text, '\n', ' ');
  return fmt::format("{} {} {} {} {} {} {} {}", record.us, names[static_cast<size_t>(record.kind)],
                     name_or_dash(record.who), name_or_dash(record.id), record.number, record.part,
                     record.count, text);
}

std::optional<log_record> parse_line(std::string_view line) {
  log_record out;
  if (!read(word(line), out.us))
    return std::nullopt;
  const auto known = std::ranges::find(names, word(line));
  if (known == names.end())
    return std::nullopt;
  out.kind = static_cast<log_kind>(known - names.begin());
  const auto named = [&] {
    const auto text = word(line);
    return text == "-" ? std::string() : std::string(text);
  };
  out.who = named();
  out.id = named();
  for (auto* each : {&out.number, &out.part, &out.count})
    if (!read(word(line), *each))
      return std::nullopt;
  out.text = line;
  return out;
}

} // namespace troupe::sim
