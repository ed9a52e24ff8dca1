#pragma once

#include "memory/page_key.hpp"

#include <array>

namespace troupe {

/// Which page it is, in full: a hit is believed only where all of this is equal.
struct page_identity {
  page_key root;   // root_key() of numeric class, tenant and salt, which stand here only hashed
  page_key parent; // the page before; the root for the first one
  page_key key;    // next_key(parent, tokens)
  std::array<token_id, page_tokens> tokens{};
};

} // namespace troupe
