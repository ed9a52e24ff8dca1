#include "model/word_cache.hpp"

#include <algorithm>
#include <functional>

namespace troupe {

bool word_cache::append(std::string_view word, std::vector<token_id>& out) const {
  const size_t at = std::hash<std::string_view>()(word) % place_count;
  const auto& place = places_[at];
  if (word.empty() || word.size() > place.word.size())
    return false;
  const std::lock_guard lock(locks_[at % locks]);
  if (std::string_view(place.word.data(), place.word_bytes) != word)
    return false;
  out.insert(out.end(), place.tokens.begin(), place.tokens.begin() + place.token_count);
  return true;
}

void word_cache::keep(std::string_view word, std::span<const token_id> tokens) {
  const size_t at = std::hash<std::string_view>()(word) % place_count;
  auto& place = places_[at];
  if (word.empty() || word.size() > place.word.size() || tokens.size() > place.tokens.size())
    return;
  const std::lock_guard lock(locks_[at % locks]);
  std::copy(word.begin(), word.end(), place.word.begin());
  std::copy(tokens.begin(), tokens.end(), place.tokens.begin());
  place.word_bytes = static_cast<uint8_t>(word.size());
  place.token_count = static_cast<uint8_t>(tokens.size());
}

} // namespace troupe
