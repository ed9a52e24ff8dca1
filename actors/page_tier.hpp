#pragma once

#include "actors/page_messages.hpp"
#include "memory/page_identity.hpp"

#include <cstddef>
#include <functional>
#include <span>

namespace troupe {

/// Where the contents of pages go that leave the memory. The page book knows it as functions: none may block.
struct page_tier {
  std::function<bool(const page_key&)> contains;
  std::function<void(const page_identity&, page_id)> keep; // this page is evicted: copy it, now or never
  /// Starts a read, which ends with page_book::take_page(), perhaps never. False: refused, and nothing comes.
  std::function<bool(const page_ticket&, const page_identity&)> read;
  std::function<void(page_id, std::span<const std::byte>)> fill; // writes a page's bytes to the memory
};

} // namespace troupe
