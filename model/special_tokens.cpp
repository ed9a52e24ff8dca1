#include "model/special_tokens.hpp"

#include <algorithm>

namespace troupe {

void special_tokens::add(std::string_view text, token_id id) {
  if (text.empty() || !ids_.emplace(text, id).second)
    return;
  first_bytes_.set(static_cast<unsigned char>(text[0]));
  const auto place = std::lower_bound(lengths_.begin(), lengths_.end(), text.size(), std::greater<>());
  if (place == lengths_.end() || *place != text.size())
    lengths_.insert(place, text.size());
}

std::optional<special_tokens::match> special_tokens::find(std::string_view text, size_t from,
                                                          size_t to) const {
  for (size_t at = from; at < to; ++at) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[at])))
      continue;
    for (const size_t length : lengths_) {
      if (length > to - at)
        continue;
      const auto found = ids_.find(text.substr(at, length));
      if (found != ids_.end())
        return match{at, at + length, found->second};
    }
  }
  return std::nullopt;
}

} // namespace troupe
