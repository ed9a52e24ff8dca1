#include "memory/directory_index.hpp"

#include <algorithm>
#include <vector>

namespace troupe {

void directory_index::add(const page_key& key, uint64_t file_bytes, int64_t used_ns) {
  if (const auto known = entries_.find(key); known != entries_.end()) {
    used_ns = std::max(used_ns, known->second.position->first); // a use is not always written to the file
    remove(key);
  }
  entries_.emplace(key, entry{file_bytes, listing_, order_.emplace(used_ns, key)});
  bytes_ += file_bytes;
}

std::optional<int64_t> directory_index::touch(const page_key& key, int64_t used_ns) {
  const auto found = entries_.find(key);
  if (found == entries_.end())
    return {};
  const auto before = found->second.position->first;
  order_.erase(found->second.position);
  found->second.position = order_.emplace(std::max(before, used_ns), key);
  return before;
}

void directory_index::remove(const page_key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end())
    return;
  order_.erase(found->second.position);
  bytes_ -= found->second.file_bytes;
  entries_.erase(found);
}

std::optional<page_key> directory_index::oldest() const {
  if (order_.empty())
    return {};
  return order_.begin()->second;
}

void directory_index::end_listing() {
  for (auto known = entries_.begin(); known != entries_.end();) {
    const auto next = std::next(known);
    if (known->second.listing < listing_)
      remove(page_key(known->first));
    known = next;
  }
}

} // namespace troupe
