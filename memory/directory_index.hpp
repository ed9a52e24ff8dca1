#pragma once

#include "memory/page_key.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

namespace troupe {

/// Which page files a folder is believed to hold, how long each is and when it was last used. Knows no files.
class directory_index {
public:
  /// A file that is there; its place in the order is `used_ns`, since 1970. Known ones are corrected.
  void add(const page_key& key, uint64_t file_bytes, int64_t used_ns);

  /// Returns when it was used before; absent where it is unknown.
  std::optional<int64_t> touch(const page_key& key, int64_t used_ns);
  void remove(const page_key& key);
  bool contains(const page_key& key) const { return entries_.contains(key); }

  /// The least recently used one.
  std::optional<page_key> oldest() const;

  /// From here on, what add() does not name again goes with end_listing(), unless it was added since.
  void begin_listing() { ++listing_; }
  void end_listing();

  size_t files() const { return entries_.size(); }
  uint64_t bytes() const { return bytes_; }

private:
  struct entry {
    uint64_t file_bytes = 0;
    uint64_t listing = 0;                                // the last one that saw it
    std::multimap<int64_t, page_key>::iterator position; // in order_
  };

  std::unordered_map<page_key, entry> entries_;
  std::multimap<int64_t, page_key> order_; // by used_ns
  uint64_t bytes_ = 0;
  uint64_t listing_ = 0;
};

} // namespace troupe
