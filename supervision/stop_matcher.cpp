#include "supervision/stop_matcher.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <limits>

namespace troupe {

stop_matcher::pattern::pattern(std::string whole) : text(std::move(whole)), borders(text.size()) {
  TROUPE_CHECK(!text.empty() && text.size() <= std::numeric_limits<uint16_t>::max(),
               "a stop string of 1 to 65,535 bytes");
  size_t border = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    while (border > 0 && text[i] != text[border])
      border = borders[border - 1];
    border += text[i] == text[border];
    borders[i] = static_cast<uint16_t>(border);
  }
}

/// True: the pattern ends with this byte.
bool stop_matcher::pattern::read(char byte) {
  while (matched > 0 && text[matched] != byte)
    matched = borders[matched - 1];
  matched += text[matched] == byte;
  if (matched < text.size())
    return false;
  matched = borders[matched - 1];
  return true;
}

stop_matcher::stop_matcher(std::vector<std::string> stops) {
  patterns_.reserve(stops.size());
  for (auto& stop : stops)
    patterns_.emplace_back(std::move(stop));
}

std::optional<stop_matcher::match> stop_matcher::read(std::string_view piece, bool counts) {
  for (size_t i = 0; i < piece.size() && !patterns_.empty(); ++i) {
    std::optional<match> found;
    for (size_t index = 0; index < patterns_.size(); ++index)
      if (patterns_[index].read(piece[i]) && counts &&
          (!found || stop(index).size() > stop(found->stop).size()))
        found = match{index, i + 1};
    if (found)
      return found;
  }
  held_ = 0;
  for (const auto& each : patterns_)
    held_ = std::max(held_, each.matched);
  return std::nullopt;
}

} // namespace troupe
