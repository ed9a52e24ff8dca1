#pragma once

#include "base/ids.hpp"

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Finds the texts of special tokens in a text.
class special_tokens {
public:
  /// An empty text is ignored; of equal texts the first counts.
  void add(std::string_view text, token_id id);

  struct match {
    size_t begin, end; // bytes
    token_id id;
  };

  /// The leftmost match in bytes [from, to) of `text`, and the longest of those that begin there.
  std::optional<match> find(std::string_view text, size_t from, size_t to) const;

private:
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, token_id, text_hash, std::equal_to<>> ids_;
  std::vector<size_t> lengths_;                             // bytes, each once, longest first
  std::bitset<256> first_bytes_, only_bytes_;               // of all; of those that are one byte
  std::vector<bool> first_two_ = std::vector<bool>(65'536); // first two bytes, of longer ones
};

} // namespace troupe
