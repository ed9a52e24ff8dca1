#include "model/special_tokens.hpp"

#include <algorithm>

namespace troupe {

namespace {

size_t pair_at(std::string_view text, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(text[at])) << 8 |
         static_cast<unsigned char>(text[at + 1]);
}

} // namespace

void special_tokens::add(std::string_view text, token_id id) {
  if (text.empty() || !ids_.emplace(text, id).second)
    return;
  first_bytes_.set(static_cast<unsigned char>(text[0]));
  if (text.size() == 1)
    only_bytes_.set(static_cast<unsigned char>(text[0]));
  else
    first_two_[pair_at(text, 0)] = true;
  const auto place = std::lower_bound(lengths_.begin(), lengths_.end(), text.size(), std::greater<>());
  if (place == lengths_.end() || *place != text.size())
    lengths_.insert(place, text.size());
}

std::optional<special_tokens::match> special_tokens::find(std::string_view text, size_t from,
                                                          size_t to) const {
  for (size_t at = from; at < to; ++at) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[at])))
      continue;
    if (!only_bytes_.test(static_cast<unsigned char>(text[at])) &&
        (at + 1 >= to || !first_two_[pair_at(text, at)]))
      continue; // spaces are frequent, and runs of them may be tokens
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
