#include "config/suggestion.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace troupe {

size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the classic table: two before, one before, this one.
  std::vector<size_t> older(b.size() + 1), old(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    old[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = old[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({old[j] + 1, now[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], older[j - 2] + 1);
    }
    std::swap(older, old);
    std::swap(old, now);
  }
  return old[b.size()];
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  constexpr size_t name_bytes_max = 128; // the table grows with the product of both
  if (name.size() > name_bytes_max)
    return {};
  std::string best;
  size_t best_distance = name.size() / 3 + 1;
  for (const std::string& candidate : known) {
    size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  std::string best = nearest_name(name, known);
  return best.empty() ? "" : fmt::format("; did you mean {}?", best);
}

} // namespace troupe
