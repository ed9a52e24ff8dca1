#pragma once

#include "memory/page_key.hpp"

#include <span>
#include <vector>

namespace troupe {

/// The full pages of a sequence: their tokens, and the key of each.
struct page_chain {
  page_key root;
  std::vector<token_id> tokens; // [keys.size() * page_tokens]
  std::vector<page_key> keys;   // [pages]

  /// The full pages among these tokens, which start at position 0.
  static page_chain of(const page_key& root, std::span<const token_id> tokens);

  /// What the key of page `index` is chained to.
  const page_key& parent_of(size_t index) const { return index == 0 ? root : keys[index - 1]; }

  std::span<const token_id, page_tokens> tokens_of(size_t index) const {
    return std::span(tokens).subspan(index * page_tokens).first<page_tokens>();
  }
};

} // namespace troupe
